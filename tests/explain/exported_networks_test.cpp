// Architectures as exporters write them, without LibTorch: how layers are read, and that every method copes. Their maps
// are compared with autograd in tests/train/exported_networks_test.cpp.

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "explain/layer_layout.hpp"
#include "explain/method.hpp"
#include "explain/methods/cam.hpp"
#include "explain/network.hpp"
#include "explain/settings.hpp"
#include "locus/error.hpp"
#include "locus/explainer.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/exported/networks.hpp"
#include "support/loaded_network.hpp"
#include "support/method_settings.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

using test::error_of;
using test::Export;
using test::Exporter;
using test::loaded;
using test::Style;
using testing::HasSubstr;

TargetLayer layer_of(const Network& network, const std::string& tensor, const GivenLayout& given = {}) {
    return find_target_layer(network, network_shapes(network, network.model), tensor, given);
}

TEST(LayerLayout, IsReadOffTheGraphWhateverTheExporter) {
    for (const auto& [name, make] : test::exported_networks()) {
        for (const int opset : {13, 17, 20}) {
            for (const Style style : {Style::traced, Style::simplified}) {
                SCOPED_TRACE(name + ", opset " + std::to_string(opset));
                const test::ExportedNetwork exported = make({.opset = opset, .style = style});
                const Network network = loaded(exported.model);
                for (const test::ExportedLayer& expected : exported.layers) {
                    const TargetLayer layer = layer_of(network, expected.tensor);
                    EXPECT_EQ(layer.layout, expected.layout) << expected.tensor;
                    EXPECT_EQ(layer.channels, expected.channels) << expected.tensor;
                    EXPECT_EQ(layer.height, expected.side) << expected.tensor;
                    EXPECT_EQ(layer.width, expected.side) << expected.tensor;
                    EXPECT_EQ(layer.leading_tokens, expected.leading_tokens) << expected.tensor;
                    EXPECT_EQ(layer.trailing_tokens, expected.trailing_tokens) << expected.tensor;
                }
                if (!exported.chosen.empty()) {
                    EXPECT_EQ(layer_of(network, "").tensor, exported.chosen);
                    EXPECT_EQ(bypass_warning(network), "");
                }
            }
        }
    }
}

/// The output of the n-th node of a kind.
std::string made_by(const model::Graph& graph, const std::string& op_type, std::size_t n) {
    for (const model::Node& node : graph.nodes) {
        if (node.is(op_type) && n-- == 0) return node.output(0);
    }
    return {};
}

TEST(LayerLayout, TokensAreTokensBesideHeadsAndNormalisations) {
    // 36 features and 36 patches: what is cut into heads, or squared for a variance, looks like a map of either kind.
    for (const int opset : {13, 17}) {
        const Network network = loaded(test::vit({.opset = opset}).model);
        const model::Shapes shapes = network_shapes(network, network.model);
        const LayerLayouts layouts(network, shapes);
        int read = 0;
        for (const model::Node& node : network.model.graph.nodes) {
            const std::string& tensor = node.output(0);
            if (!layouts.on_the_way(tensor) || !shapes.contains(tensor) || shapes.rank(tensor) != 3) continue;
            if (shapes.shape(tensor)[1] != 37 || shapes.shape(tensor)[2] != 36) continue;
            const auto layer = layouts.read(tensor);
            ASSERT_TRUE(layer) << tensor;
            EXPECT_EQ(layer->layout, model::FeatureLayout::tokens) << tensor;
            EXPECT_EQ(layer->leading_tokens, 1) << tensor;
            ++read;
        }
        EXPECT_GT(read, 20);
    }
}

TEST(LayerLayout, RolledMapsLieAsTheTokensTheyWereMadeOf) {
    Exporter write({.opset = 17, .style = Style::simplified});
    std::string x = write.conv(write.input(3, 32), 3, 8, {.kernel = 4, .stride = 4});
    x = write.transpose(write.reshape(x, {test::batch, 8, 64}), {0, 2, 1});
    const std::string square = write.named(write.reshape(write.gelu(x), {test::batch, 8, 8, 8}), "square");
    x = write.named(write.concat({write.slice(square, 1, 3, 1 << 30, 1), write.slice(square, 1, 0, 3, 1)}, 1),
                    "rolled");
    x = write.layer_norm(write.reshape(x, {test::batch, 64, 8}), 8);
    const Network network = loaded(write.finish(write.classifier(write.mean(x, {1}, false), 8, 4)));
    for (const char* tensor : {"square", "rolled"})
        EXPECT_EQ(layer_of(network, tensor).layout, model::FeatureLayout::channels_last) << tensor;
}

TEST(LayerLayout, WindowsAndAttentionAreNoMaps) {
    const Network network = loaded(test::swin({.opset = 17}).model);
    const model::Shapes shapes = network_shapes(network, network.model);
    const LayerLayouts layouts(network, shapes);
    int windows = 0, products = 0;
    for (const model::Node& node : network.model.graph.nodes) {
        const std::string& tensor = node.output(0);
        if (!layouts.on_the_way(tensor)) continue;
        const auto layer = layouts.read(tensor);
        if (node.is("Softmax")) {
            EXPECT_FALSE(layer) << tensor;
            ++products;
        }
        if (layer) continue;
        if (layouts.obstacle(tensor).find("cut into windows") != std::string::npos) ++windows;
    }
    EXPECT_EQ(products, 6);  // a block each
    EXPECT_GT(windows, 20);
    const std::string attention = made_by(network.model.graph, "Softmax", 0);
    EXPECT_THAT(error_of([&] { layer_of(network, attention); }), HasSubstr("has no positions to make a map of"));
}

/// Some of the 16 patches, which make no grid.
model::Model tokens_without_grid(std::int64_t tokens) {
    Exporter write({.opset = 17, .style = Style::simplified});
    std::string x = write.conv(write.input(3, 32), 3, 8, {.kernel = 8, .stride = 8});
    x = write.transpose(write.reshape(x, {test::batch, 8, 16}), {0, 2, 1});
    x = write.named(write.layer_norm(write.slice(x, 1, 0, tokens), 8), "tokens");
    return write.finish(write.classifier(write.mean(write.gelu(x), {1}, false), 8, 4));
}

TEST(LayerLayout, WhatTheGraphDoesNotTellIsAskedForAndTakenFromTheUser) {
    const Network network = loaded(tokens_without_grid(15));
    EXPECT_THAT(error_of([&] { layer_of(network, "tokens"); }), HasSubstr("15 tokens"));
    EXPECT_THAT(error_of([&] { layer_of(network, "tokens"); }), HasSubstr("--grid ROWSxCOLUMNS"));
    MethodOptions options{.layer = "tokens"};
    set(options, "grid", "2x7");
    const TargetLayer layer = layer_of(network, "tokens", options.layout);
    EXPECT_EQ(layer.height, 2);
    EXPECT_EQ(layer.width, 7);
    EXPECT_EQ(layer.leading_tokens, 1);
    const Attribution a =
        find_method("layer-cam").prepare(network, options).explain(random_input(network, 1, 1), {.top_k = 1});
    EXPECT_EQ(a.maps.shape(), (Shape{1, 1, 2, 7}));
    EXPECT_THROW(set(options, "grid", "14"), Error);
    EXPECT_THROW(set(options, "grid", "4x"), Error);
}

TEST(LayerLayout, CamLaysTokensOutAsTheUserSays) {
    const Network network = loaded(tokens_without_grid(14));
    EXPECT_THAT(error_of([&] { prepare_cam(network, {}); }), HasSubstr("--grid ROWSxCOLUMNS"));
    MethodOptions options;
    set(options, "grid", "2x7");
    const Tensor input = random_input(network, 1, 1);
    EXPECT_EQ(prepare_cam(network, options).explain(input, {.top_k = 1}).maps.shape(), (Shape{1, 1, 2, 7}));
    MethodOptions other;
    set(other, "grid", "3x4");
    EXPECT_THAT(error_of([&] { prepare_cam(network, other); }), HasSubstr("12 positions"));
    MethodOptions channels;
    set(channels, "channels", "first");
    EXPECT_THAT(error_of([&] { prepare_cam(network, channels); }), HasSubstr("contradicts the head"));
}

TEST(LayerLayout, ChannelsStandWhereTheUserSays) {
    const Network network = loaded(test::channels_last({}).model);
    MethodOptions options;
    set(options, "channels", "first");
    const TargetLayer layer = layer_of(network, "target", options.layout);  // [n, 6, 6, 48]
    EXPECT_EQ(layer.channels, 6);
    EXPECT_EQ(layer.width, 48);
}

class Sweep : public testing::TestWithParam<std::string> {};

/// Every method on every architecture: finite, not empty without a word, or a refusal that says why.
TEST_P(Sweep, EveryMethodGivesAMapOrSaysWhyNot) {
    const auto& all = test::exported_networks();
    const auto make =
        std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == GetParam(); });
    const test::ScratchFolder folder;
    const auto file = folder.path() / "network.onnx";
    model::save(make->second({.opset = 17, .style = Style::traced}).model, file);
    const Network network = load_network(file, {.threads = 1});
    const Tensor input = random_input(network, 2, 3);
    int explained = 0;
    for (const Method& method : methods()) {
        SCOPED_TRACE(method.name);
        try {
            const Explainer explainer(file, {.method = method.name,
                                             .settings = test::settings_for(method, {{"samples", "4"}, {"steps", "2"}}),
                                             .threads = 1});
            for (const auto& explanations : explainer.explain(input, {{ClassRequest::top(2)}})) {
                ASSERT_EQ(explanations.size(), 2U);
                for (const Explanation& e : explanations) {
                    const auto& values = e.map.values;
                    EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
                    const bool empty = std::all_of(values.begin(), values.end(), [](float v) { return v <= 0; });
                    EXPECT_TRUE(!empty || e.zero < 0 || e.sign < 0 || !e.note.empty());
                }
            }
            ++explained;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
            EXPECT_EQ(method.name, "cam") << error.what();
        }
    }
    EXPECT_GE(explained, static_cast<int>(methods().size()) - 1);
}

INSTANTIATE_TEST_SUITE_P(All, Sweep, testing::ValuesIn([] {
                             std::vector<std::string> names;
                             for (const auto& [name, make] : test::exported_networks()) names.push_back(name);
                             return names;
                         }()),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace locus::explain
