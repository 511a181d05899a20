/// Heads whose linear layer is several nodes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "explain/method.hpp"
#include "explain/methods/cam.hpp"
#include "explain/network.hpp"
#include "model/networks/builder.hpp"
#include "support/loaded_network.hpp"

namespace locus::explain {
namespace {

constexpr std::int64_t features = 192, classes = 5;

Tensor numbers(const Shape& shape, int seed, float least = -1) {
    Tensor tensor(DataType::float32, shape);
    const auto values = tensor.mutable_values<float>();
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = least + 2 * std::fmod(static_cast<float>((i + 1) * 2654435761U % 10007U) / 10007.0F +
                                              0.137F * static_cast<float>(seed),
                                          1.0F);
    return tensor;
}

/// A network of the builder's up to its pooled features, [n, 192], behind which a test writes the rest.
class Head {
public:
    explicit Head(model::Head pool = model::Head::gap)
        : model(model::build({.name = "tiny", .classes = classes, .image_size = 32, .head = pool, .seed = 3})) {
        auto& nodes = model.graph.nodes;
        const auto layer = std::ranges::find_if(nodes, [](const model::Node& node) { return node.is("Gemm"); });
        pooled = layer->input(0);
        nodes.erase(layer);
    }

    std::string add(const char* type, std::vector<std::string> inputs,
                    std::map<std::string, model::Attribute> attributes = {}) {
        const std::string output = "t" + std::to_string(model.graph.nodes.size());
        model.graph.nodes.push_back(
            {.op_type = type, .inputs = std::move(inputs), .outputs = {output}, .attributes = std::move(attributes)});
        return output;
    }

    std::string constant(Tensor value) {
        const std::string name = "c" + std::to_string(model.graph.initializers.size());
        model.graph.initializers.emplace(name, std::move(value));
        return name;
    }

    std::string linear(const std::string& x, std::int64_t from, std::int64_t to, int seed) {
        return add("Gemm", {x, constant(numbers({to, from}, seed)), constant(numbers({to}, seed + 1))},
                   {{"transB", std::int64_t{1}}});
    }

    std::string batch_normalization(const std::string& x, std::int64_t size) {
        return add("BatchNormalization", {x, constant(numbers({size}, 1)), constant(numbers({size}, 2)),
                                          constant(numbers({size}, 3)), constant(numbers({size}, 4, 0.01F))});
    }

    Network ending_in(const std::string& scores) {
        model.graph.nodes.back().outputs.front() = model.graph.outputs.front().name;
        EXPECT_EQ(scores, "t" + std::to_string(model.graph.nodes.size() - 1));
        return test::loaded(model);
    }

    model::Model model;
    std::string pooled;
};

struct Case {
    std::string name;
    std::function<std::string(Head&)> scores;
};

std::vector<Case> cases() {
    return {
        {"batch normalisation before the layer",
         [](Head& h) { return h.linear(h.batch_normalization(h.pooled, features), features, classes, 5); }},
        {"batch normalisation behind the layer",
         [](Head& h) { return h.batch_normalization(h.linear(h.pooled, features, classes, 5), classes); }},
        {"a product and a sum a channel, as a normalisation is exported",
         [](Head& h) {
             const std::string scaled = h.add("Mul", {h.constant(numbers({features}, 1)), h.pooled});
             return h.linear(h.add("Sub", {h.constant(numbers({1, features}, 2)), scaled}), features, classes, 5);
         }},
        {"two layers", [](Head& h) { return h.linear(h.linear(h.pooled, features, 7, 5), 7, classes, 9); }},
        {"the mean of two heads",
         [](Head& h) {
             const std::string sum =
                 h.add("Add", {h.linear(h.pooled, features, classes, 5),
                               h.linear(h.batch_normalization(h.pooled, features), features, classes, 9)});
             return h.add("Div", {sum, h.constant(Tensor::scalar(2.0F))});
         }},
        {"scores scaled one by one",
         [](Head& h) {
             const std::string scores = h.linear(h.pooled, features, classes, 5);
             const std::string scaled = h.add("Mul", {scores, h.constant(numbers({1, classes}, 6))});
             return h.add("Add", {scaled, h.constant(numbers({classes}, 7))});
         }},
        {"convolutions, MatMul and reshaping between",
         [](Head& h) {
             const std::string map =
                 h.add("Reshape", {h.pooled, h.constant(Tensor::of<std::int64_t>({4}, {-1, features, 1, 1}))});
             const std::string inner =
                 h.add("Conv", {h.batch_normalization(map, features), h.constant(numbers({9, features, 1, 1}, 5)),
                                h.constant(numbers({9}, 6))});
             const std::string shifted = h.add("Add", {inner, h.constant(numbers({1, 9, 1, 1}, 7))});
             const std::string flat = h.add("Flatten", {shifted});
             return h.add("Neg", {h.add("MatMul", {flat, h.constant(numbers({9, classes}, 8))})});
         }},
        {"large biases",
         [](Head& h) {
             Tensor large = numbers({features}, 2);
             for (float& value : large.mutable_values<float>()) value *= 1000;
             return h.linear(h.add("Add", {h.pooled, h.constant(std::move(large))}), features, classes, 5);
         }},
    };
}

TEST(LinearChain, PooledMapPlusBiasIsTheLogit) {
    for (const Case& each : cases()) {
        SCOPED_TRACE(each.name);
        Head head;
        const Network network = head.ending_in(each.scores(head));
        ASSERT_EQ(network.head.kind, model::HeadKind::pool_linear) << network.head.reason;
        const Attribution a = prepare_cam(network, {}).explain(random_input(network, 2, 1), {.top_k = classes});
        const auto logits = a.logits.values<float>(), maps = a.maps.values<float>(), biases = a.bias->values<float>();
        const auto indices = a.class_indices.values<std::int64_t>();
        const auto positions = static_cast<std::size_t>(a.maps.shape()[2] * a.maps.shape()[3]);
        float scale = 0;
        for (const float logit : logits) scale = std::max(scale, std::abs(logit));
        for (std::size_t i = 0; i < indices.size(); ++i) {
            const auto map = maps.subspan(i * positions, positions);
            const double mean = std::accumulate(map.begin(), map.end(), 0.0) / static_cast<double>(positions);
            const double logit = logits[i / classes * classes + static_cast<std::size_t>(indices[i])];
            EXPECT_NEAR(mean + biases[i], logit, 1e-5 * scale);
        }
    }
}

// The gradient knows nothing of heads: at a mean pool grad-cam is cam divided by the number of positions.
TEST(LinearChain, MapsAreGradCamsTimesThePositions) {
    for (const Case& each : cases()) {
        SCOPED_TRACE(each.name);
        Head head;
        const Network network = head.ending_in(each.scores(head));
        const Tensor inputs = random_input(network, 1, 1);
        const Attribution cam = prepare_cam(network, {}).explain(inputs, {.indices = {0, 3}});
        const Attribution gradient = find_method("grad-cam").prepare(network, {}).explain(inputs, {.indices = {0, 3}});
        const auto maps = cam.maps.values<float>(), expected = gradient.maps.values<float>();
        ASSERT_EQ(cam.maps.shape(), gradient.maps.shape());
        const auto positions = static_cast<float>(cam.maps.shape()[2] * cam.maps.shape()[3]);
        float scale = 0;
        for (const float value : maps) scale = std::max(scale, std::abs(value));
        for (std::size_t i = 0; i < maps.size(); ++i) EXPECT_NEAR(maps[i], expected[i] * positions, 1e-4F * scale);
    }
}

TEST(LinearChain, BehindAMaximumTheWeightsMakeTheLogit) {
    Head head(model::Head::gmp);
    const Network network =
        head.ending_in(head.linear(head.batch_normalization(head.pooled, features), features, classes, 5));
    EXPECT_EQ(network.head.pool, model::Pool::max);
    const Attribution a = prepare_cam(network, {}).explain(random_input(network, 1, 1), {});  // verified when prepared
    EXPECT_FALSE(a.bias);
}

TEST(LinearChain, IsNoneWithAnythingElseBetween) {
    const auto kind = [](const std::function<std::string(Head&)>& scores) {
        Head head;
        return head.ending_in(scores(head)).head.kind;
    };
    EXPECT_EQ(
        kind([](Head& h) { return h.linear(h.add("Relu", {h.linear(h.pooled, features, 7, 5)}), 7, classes, 9); }),
        model::HeadKind::other);
    EXPECT_EQ(
        kind([](Head& h) {  // a product of two functions of the features
            return h.add("Mul", {h.linear(h.pooled, features, classes, 5), h.linear(h.pooled, features, classes, 9)});
        }),
        model::HeadKind::other);
    EXPECT_EQ(kind([](Head& h) {  // 5 scores from one number an image, which the sum repeats
                  return h.add("Add", {h.linear(h.pooled, features, 1, 5), h.constant(numbers({classes}, 9))});
              }),
              model::HeadKind::other);
    EXPECT_EQ(kind([](Head& h) {  // longer than any head
                  std::string x = h.pooled;
                  for (int i = 0; i < 100; ++i) x = h.add("Add", {x, h.constant(numbers({features}, i))});
                  return h.linear(x, features, classes, 5);
              }),
              model::HeadKind::other);
}

}  // namespace
}  // namespace locus::explain
