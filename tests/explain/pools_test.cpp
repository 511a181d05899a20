/// Global pools in the words of different exporters, and pools that only look global.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "explain/method.hpp"
#include "explain/methods/cam.hpp"
#include "explain/network.hpp"
#include "model/networks/builder.hpp"
#include "support/loaded_network.hpp"

namespace locus::explain {
namespace {

using Ints = std::vector<std::int64_t>;

model::Model tiny() { return model::build({.name = "tiny", .classes = 5, .image_size = 32, .opset = 13, .seed = 3}); }

model::Node reduction(const char* type, const Ints& axes, bool keeps_rank) {
    model::Node node;
    node.op_type = type;
    node.attributes = {{"axes", axes}, {"keepdims", std::int64_t{keeps_rank}}};
    return node;
}

/// The network with other nodes in place of its global pool.
model::Model with_pool(std::vector<model::Node> pools) {
    model::Model model = tiny();
    auto& nodes = model.graph.nodes;
    const auto pool =
        std::find_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.is("GlobalAveragePool"); });
    std::string tensor = pool->inputs.front();
    const std::string last = pool->outputs.front();
    for (std::size_t i = 0; i < pools.size(); ++i) {
        pools[i].inputs = {tensor};
        tensor = i + 1 == pools.size() ? last : "pool" + std::to_string(i);
        pools[i].outputs = {tensor};
    }
    const auto place = nodes.erase(pool);
    nodes.insert(place, pools.begin(), pools.end());
    return model;
}

/// The linear layer takes `times` as many numbers.
model::Model with_wider_linear_layer(model::Model model, std::int64_t times) {
    for (const model::Node& node : model.graph.nodes) {
        if (!node.is("Gemm")) continue;
        Tensor& weight = model.graph.initializers.at(node.input(1));
        const bool rows = node.int_or("transB", 0) != 0;
        const Shape old = weight.shape();
        Tensor wide(DataType::float32, rows ? Shape{old[0], old[1] * times} : Shape{old[0] * times, old[1]});
        const auto values = wide.mutable_values<float>();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
        weight = std::move(wide);
    }
    return model;
}

TEST(GlobalPool, IsRecognisedInAllItsForms) {
    const Network usual = test::loaded(tiny());
    const Tensor input = random_input(usual, 2, 1);
    const Attribution expected = prepare_cam(usual, {}).explain(input, {.top_k = 2});
    const std::vector<std::pair<std::string, std::vector<model::Node>>> forms{
        {"axes of either sign", {reduction("ReduceMean", {2, -1}, false)}},
        {"columns, then rows", {reduction("ReduceMean", {3}, false), reduction("ReduceMean", {2}, false)}},
        {"rows, then columns", {reduction("ReduceMean", {2}, false), reduction("ReduceMean", {2}, false)}},
        {"rows, then the last", {reduction("ReduceMean", {-2}, false), reduction("ReduceMean", {-1}, false)}},
        {"rows, then columns, kept", {reduction("ReduceMean", {2}, true), reduction("ReduceMean", {3}, true)}},
        {"columns, then rows, kept", {reduction("ReduceMean", {-1}, true), reduction("ReduceMean", {-2}, true)}},
    };
    for (const auto& [name, nodes] : forms) {
        SCOPED_TRACE(name);
        const Network network = test::loaded(with_pool(nodes));
        EXPECT_EQ(cam_obstacle(network), "");
        const Attribution found = prepare_cam(network, {}).explain(input, {.top_k = 2});
        ASSERT_EQ(found.maps.shape(), expected.maps.shape());
        for (std::int64_t i = 0; i < found.maps.size(); ++i)
            EXPECT_NEAR(found.maps.values<float>()[i], expected.maps.values<float>()[i], 1e-4);
    }
}

TEST(GlobalPool, IsNotTakenForOneWhereItSeesAPart) {
    model::Node halves, all_but_the_edge;
    halves.op_type = all_but_the_edge.op_type = "MaxPool";
    halves.attributes = {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}};
    all_but_the_edge.attributes = {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{3, 3}}};
    const std::vector<std::pair<std::string, model::Model>> models{
        {"a pool of 2 x 2", with_wider_linear_layer(with_pool({halves}), 4)},
        {"a pool that leaves the edge out", with_pool({all_but_the_edge})},
        {"rows alone", with_wider_linear_layer(with_pool({reduction("ReduceMean", {2}, false)}), 4)},
    };
    for (const auto& [name, model] : models) {
        SCOPED_TRACE(name);
        const Network network = test::loaded(model);
        EXPECT_THAT(cam_obstacle(network), testing::HasSubstr("does not see the whole map"));
        EXPECT_EQ(automatic_method(network).name, "hires-cam");
        const Tensor input = random_input(network, 1, 1);
        EXPECT_EQ(automatic_method(network).prepare(network, {}).explain(input, {.top_k = 1}).maps.rank(), 4);
    }
}

TEST(GlobalPool, OfASinglePositionSaysNothingOfWhere) {
    const Network network =
        test::loaded(with_pool({reduction("ReduceMean", {2, 3}, true), reduction("ReduceMax", {2, 3}, true)}));
    EXPECT_THAT(cam_obstacle(network), testing::HasSubstr("a map of one position"));
    const Network mixed =
        test::loaded(with_pool({reduction("ReduceMean", {3}, false), reduction("ReduceMax", {2}, false)}));
    EXPECT_THAT(cam_obstacle(mixed), testing::HasSubstr("not a global pool"));
}

TEST(LinearLayer, MayHaveOneBiasForAllClasses) {
    model::Model model = tiny();
    for (const model::Node& node : model.graph.nodes) {
        if (node.is("Gemm")) model.graph.initializers.at(node.input(2)) = Tensor::of<float>({1}, {0.75F});
    }
    const Network network = test::loaded(model);
    const Attribution a = prepare_cam(network, {}).explain(random_input(network, 2, 1), {.top_k = 2});
    for (const float bias : a.bias->values<float>()) EXPECT_EQ(bias, 0.75F);
    EXPECT_EQ(a.bias->shape(), (Shape{2, 2}));
}

}  // namespace
}  // namespace locus::explain
