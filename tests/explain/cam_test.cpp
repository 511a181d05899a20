#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "explain/batches.hpp"
#include "explain/method.hpp"
#include "explain/methods/cam.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "locus/explainer.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/wire.hpp"
#include "support/loaded_network.hpp"
#include "support/npz.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

/// A network by name, written to a file and read back as a user's model would be.
Network built(const test::ScratchFolder& folder, const model::NetworkOptions& options) {
    const auto file = folder.path() / (options.name + ".onnx");
    model::save(model::build(options), file);
    return load_network(file, {.threads = 1});
}

double pooled(std::span<const float> map, const std::string_view pool) {
    if (pool == "max") return *std::max_element(map.begin(), map.end());
    const double sum = std::accumulate(map.begin(), map.end(), 0.0);
    return pool == "sum" ? sum : sum / static_cast<double>(map.size());
}

/// The greatest difference between pool(map) + bias and the logit, over all items and classes, relative to the largest
/// logit.
double defect(const Network& network, const Attribution& a) {
    const auto n = static_cast<std::size_t>(a.maps.shape()[0]), m = static_cast<std::size_t>(a.maps.shape()[1]);
    const auto positions = static_cast<std::size_t>(a.maps.shape()[2] * a.maps.shape()[3]),
               classes = static_cast<std::size_t>(a.logits.shape()[1]);
    const auto logits = a.logits.values<float>();
    double scale = 0, worst = 0;
    for (const float value : logits) scale = std::max(scale, static_cast<double>(std::abs(value)));
    for (std::size_t i = 0; i < n * m; ++i) {
        const double sum = pooled(a.maps.values<float>().subspan(i * positions, positions), name(network.head.pool)) +
                           a.bias->values<float>()[i];
        const auto index = static_cast<std::size_t>(a.class_indices.values<std::int64_t>()[i]);
        worst = std::max(worst, std::abs(sum - logits[i / m * classes + index]) / scale);
    }
    return worst;
}

// As exporters leave it that trace one photo: any number of items is declared, and a Reshape holds the one that was
// seen.
TEST(Batch, OfNetworksThatTakeJustOneItem) {
    const test::ScratchFolder folder;
    model::Model one = model::build({.name = "tiny", .classes = 5, .width = 0.5});
    auto& nodes = one.graph.nodes;
    const auto flatten = std::find_if(nodes.begin(), nodes.end(), [](const auto& n) { return n.is("Flatten"); });
    ASSERT_NE(flatten, nodes.end());
    flatten->op_type = "Reshape";
    flatten->attributes.clear();
    flatten->inputs.push_back("one_row");
    one.graph.initializers.emplace("one_row", Tensor::of<std::int64_t>({2}, {1, -1}));
    model::save(one, folder.path() / "one.onnx");
    const Network network = load_network(folder.path() / "one.onnx", {.threads = 1});
    EXPECT_EQ(network.fixed_batch, 1);
    EXPECT_FALSE(built(folder, {.name = "tiny"}).fixed_batch);
    const Tensor inputs = random_input(network, 3, 5);
    for (const char* method : {"cam", "grad-cam", "occlusion"}) {
        const Prepared prepared = find_method(method).prepare(network, {});
        const Attribution all = prepared.explain(inputs, {.top_k = 1});
        const Attribution last = prepared.explain(rows(inputs, 2, 1), {.top_k = 1});
        const auto map = last.maps.values<float>();
        const auto of_all = all.maps.values<float>().last(map.size());
        EXPECT_TRUE(std::equal(map.begin(), map.end(), of_all.begin())) << method;
    }
}

/// Byte for byte, by a method of the head and by one of gradients.
void expect_same_maps(const Network& network, const Network& expected) {
    const Tensor inputs = random_input(network, 2, 3);
    for (const char* method : {"cam", "grad-cam"}) {
        const Attribution a = find_method(method).prepare(network, {}).explain(inputs, {.top_k = 2});
        const Attribution b = find_method(method).prepare(expected, {}).explain(inputs, {.top_k = 2});
        EXPECT_TRUE(std::ranges::equal(a.maps.bytes(), b.maps.bytes())) << method;
        EXPECT_TRUE(std::ranges::equal(a.logits.bytes(), b.logits.bytes())) << method;
    }
}

// As PyTorch's dynamo exporter may write it: the head is a function of the model's own, which one node calls.
TEST(Functions, HeadInsideOneIsSeenThrough) {
    namespace wire = test::wire;
    const model::Model flat =
        model::build({.name = "resnet18", .classes = 5, .width = 0.25, .image_size = 64, .opset = 17});
    model::Model wrapped = flat;
    auto& nodes = wrapped.graph.nodes;
    std::string function = wire::bytes(1, "Head") + wire::bytes(10, "pkg.models") + wire::bytes(9, wire::number(2, 17));
    model::Node call{.op_type = "Head", .inputs = {nodes[nodes.size() - 3].input(0)}, .outputs = {"logits"}};
    call.domain = "pkg.models";
    for (auto node = nodes.end() - 3; node != nodes.end(); ++node) {  // pool, flatten, linear
        std::string message = wire::bytes(4, node->op_type) + wire::bytes(2, node->output(0));
        for (const std::string& input : node->inputs) {
            message += wire::bytes(1, input);
            if (wrapped.graph.find_constant(input) != nullptr) call.inputs.push_back(input);
        }
        if (node->is("Gemm"))
            message += wire::bytes(5, wire::attribute("transB", 2, wire::number(3, node->int_or("transB", 0))));
        function += wire::bytes(7, message);
    }
    for (const std::string& input : call.inputs) function += wire::bytes(4, input);
    function += wire::bytes(5, "logits");
    nodes.resize(nodes.size() - 3);
    nodes.push_back(call);
    wrapped.opsets["pkg.models"] = 1;
    wrapped.rest.serialized = wire::bytes(25, function);
    ASSERT_EQ(nodes.back().op_type, "Head");

    const Network expected = test::loaded(flat), network = test::loaded(wrapped);
    EXPECT_EQ(network.head.kind, model::HeadKind::pool_linear);
    expect_same_maps(network, expected);
    EXPECT_LT(defect(network, find_method("cam").prepare(network, {}).explain(random_input(network, 2, 3), {})), 1e-4);
}

// As PyTorch writes x.squeeze(3).squeeze(2): If(size == 1) Squeeze else Identity.
TEST(KnownBranches, SqueezesInTheHeadAreSeenThrough) {
    namespace wire = test::wire;
    const model::Model flat = model::build({.name = "tiny", .classes = 5, .width = 0.5, .opset = 17});
    model::Model asking = flat;
    auto& nodes = asking.graph.nodes;
    const auto flatten = std::find_if(nodes.begin(), nodes.end(), [](const auto& n) { return n.is("Flatten"); });
    ASSERT_NE(flatten, nodes.end());
    const std::string flattened = flatten->output(0);
    std::string tensor = flatten->input(0);
    nodes.erase(flatten);
    asking.graph.initializers.emplace("one", Tensor::of<std::int64_t>({1}, {1}));
    for (const std::int64_t axis : {3, 2}) {
        const auto named = [&](const char* stem) { return stem + std::to_string(axis); };
        const auto add = [&](const char* type, std::vector<std::string> inputs, const std::string& output) {
            nodes.push_back({.op_type = type, .inputs = std::move(inputs), .outputs = {output}});
        };
        asking.graph.initializers.emplace(named("axis"), Tensor::of<std::int64_t>({1}, {axis}));
        add("Shape", {tensor}, named("shape"));
        add("Gather", {named("shape"), named("axis")}, named("size"));
        add("Equal", {named("size"), "one"}, named("is_one"));
        add("If", {named("is_one")}, axis == 2 ? flattened : named("squeezed"));
        const auto branch = [](const std::string& node) {
            return wire::bytes(
                6, wire::bytes(2, "branch") + wire::graph_node(node) + wire::bytes(12, wire::bytes(1, "z")));
        };
        nodes.back().attributes = {
            {"then_branch",
             model::Opaque{
                 wire::attribute("then_branch", 5, branch(wire::node("Squeeze", {tensor, named("axis")}, {"z"}))),
                 {},
                 {}}},
            {"else_branch",
             model::Opaque{
                 wire::attribute("else_branch", 5, branch(wire::node("Identity", {tensor}, {"z"}))), {}, {}}}};
        tensor = named("squeezed");
    }
    const Network expected = test::loaded(flat), network = test::loaded(asking);
    EXPECT_EQ(network.head.kind, model::HeadKind::pool_linear);
    expect_same_maps(network, expected);
}

TEST(Probability, IsNotInventedForASingleScore) {
    const test::ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 1}), folder.path() / "one.onnx");
    const Explainer explainer(folder.path() / "one.onnx", {.threads = 1});
    const auto photo = Image{.width = 9, .height = 7, .rgb = std::vector<std::uint8_t>(9 * 7 * 3, 90)};
    EXPECT_FALSE(explainer.explain(photo).front().probability);
}

struct Case {
    std::string network;
    model::Head head;
    int opset;
};

class CamOnBuiltNetworks : public testing::TestWithParam<Case> {};

TEST_P(CamOnBuiltNetworks, PooledMapPlusBiasIsTheLogit) {
    const test::ScratchFolder folder;
    const Case& c = GetParam();
    const Network network = built(
        folder, {.name = c.network, .classes = 7, .width = 0.25, .image_size = 96, .opset = c.opset, .head = c.head});
    const Prepared cam = prepare_cam(network, {});
    const Attribution a = cam.explain(random_input(network, 2, 3), {.top_k = 3, .indices = {6, 0}});
    EXPECT_EQ(a.maps.shape()[1], 5);
    EXPECT_EQ(cam.classes, 7);
    if (a.bias) {
        EXPECT_LT(defect(network, a), 1e-4);
    } else {
        EXPECT_EQ(network.head.pool, model::Pool::max);
        EXPECT_EQ(network.head.kind, model::HeadKind::pool_linear);
    }
}

INSTANTIATE_TEST_SUITE_P(All, CamOnBuiltNetworks,
                         testing::Values(Case{"mobilenet-v2", model::Head::gap, 13},
                                         Case{"resnet18", model::Head::gap, 7}, Case{"resnet50", model::Head::gmp, 13},
                                         Case{"googlenet-gap", model::Head::sum, 11},
                                         Case{"vgg16-gap", model::Head::gap, 17},
                                         Case{"alexnet-gap", model::Head::gmp, 18}, Case{"nin", model::Head::gap, 13},
                                         Case{"nin", model::Head::gmp, 9}, Case{"nin", model::Head::sum, 21},
                                         Case{"tiny", model::Head::gap, 21}, Case{"resnet18", model::Head::sum, 18}),
                         [](const auto& tested) {
                             std::string text = tested.param.network + "_" +
                                                std::to_string(static_cast<int>(tested.param.head)) + "_" +
                                                std::to_string(tested.param.opset);
                             std::replace(text.begin(), text.end(), '-', '_');
                             return text;
                         });

TEST(Cam, RefusesAStackOfLinearLayersAndNamesWhatWorks) {
    const test::ScratchFolder folder;
    const Network network =
        built(folder, {.name = "vgg16", .classes = 5, .width = 0.1, .image_size = 64, .head = model::Head::fc});
    try {
        prepare_cam(network, {});
        FAIL() << "cam accepted a head of linear layers";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(std::string(error.what()).find("--method"), std::string::npos) << error.what();
    }
}

TEST(Cam, ClassesByIndexFollowTheBestOnes) {
    const test::ScratchFolder folder;
    const Network network = built(folder, {.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    const Attribution a =
        prepare_cam(network, {}).explain(random_input(network, 1, 1), {.top_k = 1, .indices = {4, 2}});
    const auto logits = a.logits.values<float>();
    const auto indices = a.class_indices.values<std::int64_t>();
    EXPECT_EQ(indices[0], std::max_element(logits.begin(), logits.end()) - logits.begin());
    EXPECT_EQ(indices[1], 4);
    EXPECT_EQ(indices[2], 2);
}

TEST(Cam, AFixedBatchIsFilledUpAndItsRestThrownAway) {
    const test::ScratchFolder folder;
    const Network fixed = built(folder, {.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64, .batch = 2});
    const Attribution a = prepare_cam(fixed, {}).explain(random_input(fixed, 3, 5), {.top_k = 1});
    ASSERT_EQ(a.maps.shape()[0], 3);
    EXPECT_LT(defect(fixed, a), 1e-4);
}

TEST(Cam, ALayerWithoutTheSameChannelsIsRefused) {
    const test::ScratchFolder folder;
    const Network network = built(folder, {.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    EXPECT_THROW(prepare_cam(network, {.layer = "no such layer"}), Error);
    const std::string before = model::Index(network.model.graph).producer(network.head.target_layer)->input(0);
    const Attribution a = prepare_cam(network, {.layer = before}).explain(random_input(network, 1, 1), {.top_k = 1});
    EXPECT_FALSE(a.bias) << "the map of a layer before the activation does not add up to the logit";
    EXPECT_THROW(prepare_cam(network, {.layer = network.model.graph.nodes.front().output(0)}), Error);
}

/// Zhou et al.'s map as torch-cam computes it (goldens: torchcam.CAM.target.raw, float64), within 1e-4 of its largest
/// value.
TEST(Cam, EqualsTorchCamOnTheGoldenNetworks) {
    const std::filesystem::path goldens = LOCUS_SHARED "/goldens";
    if (!std::filesystem::exists(goldens))
        GTEST_SKIP() << "the golden networks are not here; PooledMapPlusBiasIsTheLogit covers the same ground";
    int compared = 0;
    for (const auto& entry : std::filesystem::directory_iterator(goldens)) {
        if (entry.path().extension() != ".onnx") continue;
        auto golden = test::read_npz(std::filesystem::path(entry.path()).replace_extension(".npz"));
        const auto expected = golden.find("torchcam.CAM.target.raw");
        const Network network = load_network(entry.path(), {.threads = 1});
        if (expected == golden.end()) continue;
        const auto classes = golden.at("classes").to_int64s();
        const Attribution a = prepare_cam(network, {.layer = "target"})
                                  .explain(golden.at("input").to_float32(), {.top_k = 0, .indices = classes});
        const Tensor reference = expected->second.to_float32();
        const auto positions = static_cast<std::size_t>(reference.size()) / classes.size();
        for (std::size_t item = 0; item < classes.size(); ++item) {
            const auto map = a.maps.values<float>().subspan((item * classes.size() + item) * positions, positions);
            const auto wanted = reference.values<float>().subspan(item * positions, positions);
            float scale = 0, worst = 0;
            for (std::size_t i = 0; i < positions; ++i) {
                scale = std::max(scale, std::abs(wanted[i]));
                worst = std::max(worst, std::abs(wanted[i] - map[i]));
            }
            EXPECT_LT(worst, 1e-4F * scale) << entry.path().stem() << " item " << item;
            ++compared;
        }
    }
    EXPECT_GE(compared, 8);
}

}  // namespace
}  // namespace locus::explain
