// What holds no positions of the image is no map, however square: heads, queries, prototypes and channels behind the
// pool.

#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "explain/inspection.hpp"
#include "explain/layer_layout.hpp"
#include "explain/method.hpp"
#include "explain/methods/cam.hpp"
#include "explain/target_layer.hpp"
#include "locus/explainer.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/position_axes.hpp"
#include "support/exported/exporter.hpp"
#include "support/loaded_network.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

using test::batch;
using test::error_of;
using test::Exporter;
using test::loaded;
using testing::HasSubstr;

constexpr std::int64_t channels = 16, side = 4;

TargetLayer chosen(const Network& network) {
    return find_target_layer(network, network_shapes(network, network.model), "");
}

/// "map" [n, 16, 4, 4] of an image of 32 x 32.
std::string trunk(Exporter& w, const std::string& image) {
    return w.named(w.relu(w.conv(image, 3, channels, {.kernel = 8, .stride = 8})), "map");
}

/// The same as tokens [n, 16, 16].
std::string token_trunk(Exporter& w, const std::string& image) {
    return w.transpose(w.reshape(trunk(w, image), {batch, channels, side * side}), {0, 2, 1});
}

std::string unsqueezed(Exporter& w, const std::string& x, std::int64_t axis) {
    return w.node("Unsqueeze", {x, w.ints({axis})});
}

/// A tail: "row" is the tensor that looks like positions.
struct Tail {
    const char* name;
    std::function<std::string(Exporter& w, const std::string& image)> scores;
};

std::string stacked_heads(Exporter& w, const std::string& image) {
    const std::string pooled = w.flattened_pool(trunk(w, image));
    std::vector<std::string> heads;
    for (int i = 0; i < 4; ++i) heads.push_back(unsqueezed(w, w.classifier(pooled, channels, 10), 1));
    return w.named(w.concat(heads, 1), "row");
}

std::string queries(Exporter& w, const std::string& image) {
    const std::string tokens = token_trunk(w, image);
    const std::string asked = w.weight({1, side * side, channels}, 1);  // as many as there are patches
    const std::string weights = w.softmax(w.node("MatMul", {asked, w.transpose(tokens, {0, 2, 1})}));
    return w.named(w.layer_norm(w.node("MatMul", {weights, tokens}), channels), "row");
}

std::string learnt_tokens(Exporter& w, const std::string& image) {
    const std::string tokens = token_trunk(w, image);
    const std::string weights = w.node("Softmax", {w.linear(tokens, channels, 9)}, {{"axis", std::int64_t{1}}});
    return w.named(w.layer_norm(w.node("MatMul", {w.transpose(weights, {0, 2, 1}), tokens}), channels), "row");
}

const std::vector<Tail> tails{
    {"MeanOfHeads", [](Exporter& w, const std::string& image) { return w.mean(stacked_heads(w, image), {1}, false); }},
    {"GreatestOfHeads",
     [](Exporter& w, const std::string& image) {
         return w.node("ReduceMax", {stacked_heads(w, image)},
                       {{"axes", test::Ints{1}}, {"keepdims", std::int64_t{0}}});
     }},
    {"Maxout",
     [](Exporter& w, const std::string& image) {
         const std::string pieces = w.classifier(w.flattened_pool(trunk(w, image)), channels, 40);
         return w.node("ReduceMax", {w.named(w.reshape(pieces, {batch, 4, 10}), "row")},
                       {{"axes", test::Ints{1}}, {"keepdims", std::int64_t{0}}});
     }},
    {"PooledColumn",
     [](Exporter& w, const std::string& image) {
         const std::string flat = w.reshape(trunk(w, image), {batch, channels, side * side});
         const std::string column = w.named(w.mean(flat, {2}, true), "row");
         return w.classifier(w.relu(w.classifier(w.reshape(column, {batch, channels}), channels, 12)), 12, 10);
     }},
    {"PoolByProduct",
     [](Exporter& w, const std::string& image) {
         const std::string flat = w.reshape(trunk(w, image), {batch, channels, side * side});
         const std::string column = w.named(w.node("MatMul", {flat, w.weight({side * side, 1}, 1)}), "row");
         return w.classifier(w.reshape(column, {batch, channels}), channels, 10);
     }},
    {"WeightsOnTheLeft",
     [](Exporter& w, const std::string& image) {
         const std::string column = w.named(w.reshape(w.flattened_pool(trunk(w, image)), {batch, channels, 1}), "row");
         return w.reshape(w.node("MatMul", {w.weight({9, channels}, 1), column}), {batch, 9});
     }},
    {"Prototypes",
     [](Exporter& w, const std::string& image) {
         const std::string vector = unsqueezed(w, w.flattened_pool(trunk(w, image)), 1);
         const std::string far = w.named(w.node("Sub", {vector, w.weight({1, 9, channels}, 1)}), "row");
         return w.mean(w.mul(far, far), {2}, false);
     }},
    {"Queries", [](Exporter& w, const std::string& image) { return w.mean(queries(w, image), {2}, false); }},
    {"LearntTokens",
     [](Exporter& w, const std::string& image) {
         return w.classifier(w.mean(learnt_tokens(w, image), {1}, false), channels, 10);
     }},
};

class WithoutPositions : public testing::TestWithParam<std::size_t> {};

TEST_P(WithoutPositions, IsNoLayerAndNoPoolOfOne) {
    Exporter write({.opset = 17, .style = test::Style::simplified});
    const std::string scores = tails[GetParam()].scores(write, write.input(3, 32));
    const Network network = loaded(write.finish(scores));
    const model::Shapes shapes = network_shapes(network, network.model);
    const LayerLayouts layouts(network, shapes);
    EXPECT_FALSE(layouts.read("row"));
    EXPECT_THAT(error_of([&] { find_target_layer(network, shapes, "row"); }),
                HasSubstr("holds no positions of the image any more"));
    const TargetLayer layer = chosen(network);
    EXPECT_EQ(layer.height, side);
    EXPECT_EQ(layer.width, side);
    EXPECT_TRUE(layouts.holds_positions(layer));
    EXPECT_NE(network.head.target_layer, "row");
    EXPECT_EQ(bypass_warning(network), "");
    // Neither does a grid that is meant for tokens make it the layer.
    EXPECT_NE(find_target_layer(network, shapes, "", {.grid = std::pair(side, side)}).tensor, "row");
}

INSTANTIATE_TEST_SUITE_P(Tails, WithoutPositions, testing::Range(std::size_t{0}, tails.size()),
                         [](const auto& tested) { return std::string(tails[tested.param].name); });

TEST(Positions, TheMeanOfStackedHeadsIsNoGlobalPool) {
    Exporter write({.opset = 17, .style = test::Style::simplified});
    const std::string scores = write.mean(stacked_heads(write, write.input(3, 32)), {1}, false);
    const Network network = loaded(write.finish(scores));
    EXPECT_EQ(network.head.kind, model::HeadKind::other);
    EXPECT_THAT(network.head.reason, HasSubstr("'row' of shape [-1, 4, 10]"));
    EXPECT_THAT(cam_obstacle(network), HasSubstr("holds no positions of the image any more"));
}

/// Whether the axes of "it" hold positions.
std::vector<bool> held(const std::function<std::string(Exporter& w, const std::string& tokens)>& made) {
    Exporter write({.opset = 17, .style = test::Style::simplified});
    const std::string it = write.named(made(write, token_trunk(write, write.input(3, 32))), "it");
    const Network network = loaded(write.finish(write.mean(write.node("Flatten", {it}), {1})));
    const model::Shapes shapes = network_shapes(network, network.model);
    const model::PositionAxes positions(network.model.graph, network.input, {2, 3}, shapes);
    std::vector<bool> result;
    for (std::size_t i = 0; i < shapes.rank("it"); ++i) result.push_back(positions.holds("it", i));
    return result;
}

TEST(Positions, AreFollowedThroughTheOperators) {
    using Held = std::vector<bool>;
    const auto as_it_is = [](Exporter&, const std::string& x) { return x; };
    EXPECT_EQ(held(as_it_is), (Held{false, true, false}));
    // Heads are cut off channels, windows off rows and columns.
    EXPECT_EQ(held([](Exporter& w, const std::string& x) {
                  return w.transpose(w.reshape(x, {batch, 16, 2, 8}), {0, 2, 3, 1});
              }),
              (Held{false, false, false, true}));
    EXPECT_EQ(held([](Exporter& w, const std::string& x) {
                  return w.reshape(x, {batch, 2, 2, 2, 2, 16});
              }),
              (Held{false, true, true, true, true, false}));
    // Normalised in groups that lie across channels and positions, and back.
    EXPECT_EQ(held([](Exporter& w, const std::string& x) {
                  const std::string groups = w.reshape(w.transpose(x, {0, 2, 1}), {batch, 4, 64});
                  return w.reshape(w.relu(groups), {batch, 16, 4, 4});
              }),
              (Held{false, false, true, true}));
    // Tokens mixed by learnt weights stay where they are; others make new ones.
    const auto mixed = [](std::int64_t kept) {
        return [kept](Exporter& w, const std::string& x) {
            return w.node("MatMul", {w.transpose(x, {0, 2, 1}), w.weight({16, kept}, 1)});
        };
    };
    EXPECT_EQ(held(mixed(16)), (Held{false, false, true}));
    EXPECT_EQ(held(mixed(12)), (Held{false, false, false}));
    // Resized by a product with few neighbours each.
    EXPECT_EQ(held([](Exporter& w, const std::string& x) {
                  std::vector<float> pairs(16 * 8, 0.0F);
                  for (std::size_t i = 0; i < 8; ++i) pairs[2 * i * 8 + i] = pairs[(2 * i + 1) * 8 + i] = 0.5F;
                  return w.node("MatMul", {w.transpose(x, {0, 2, 1}), w.constant(Tensor::of<float>({16, 8}, pairs))});
              }),
              (Held{false, false, true}));
    // Scaled by a pooled vector, joined by learnt tokens.
    EXPECT_EQ(held([](Exporter& w, const std::string& x) { return w.mul(x, w.mean(x, {1})); }),
              (Held{false, true, false}));
    EXPECT_EQ(held([](Exporter& w, const std::string& x) {
                  return w.concat({w.mean(x, {1}), x}, 1);
              }),
              (Held{false, true, false}));
    EXPECT_EQ(held([](Exporter& w, const std::string& x) { return w.mean(x, {1}); }), (Held{false, false, false}));
}

/// (g(x) + g(x mirrored)) / 2, in either order.
model::Model mirrored_twice(bool mirrored_last) {
    Exporter w({.opset = 17, .style = test::Style::simplified});
    const std::string image = w.input(3, 32);
    const auto scores = [&](const std::string& of, const std::string& name) {
        const std::string map = w.named(w.relu(w.conv(of, 3, 8, {.kernel = 8, .stride = 8})), name);
        return w.classifier(w.relu(w.classifier(w.flattened_pool(map), 8, 12)), 12, 5);
    };
    std::string sum;
    for (const bool mirror : {!mirrored_last, mirrored_last}) {
        const std::string of = mirror ? w.slice(image, 3, -1, std::numeric_limits<std::int64_t>::min() + 1, -1) : image;
        const std::string part = scores(of, mirror ? "mirrored" : "upright");
        sum = sum.empty() ? part : w.add(sum, part);
    }
    return w.finish(w.node("Div", {sum, w.number(2.0F)}));
}

TEST(TargetLayer, OfOneBranchIsUprightAndSaysThatItIsNotAll) {
    for (const bool mirrored_last : {false, true}) {
        const model::Model model = mirrored_twice(mirrored_last);
        const Network network = loaded(model);
        EXPECT_EQ(chosen(network).tensor, "upright");
        EXPECT_THAT(bypass_warning(network), HasSubstr("only part of the score passes through the layer 'upright'"));
        EXPECT_THAT(inspect(network).warnings, testing::Contains(HasSubstr("only part of the score")));

        const test::ScratchFolder folder;
        model::save(model, folder.path() / "network.onnx");
        const auto warnings = [&](const ExplainerOptions& options) {
            return Explainer(folder.path() / "network.onnx", options).warnings();
        };
        const auto says_so = testing::Contains(HasSubstr("only part of the score"));
        EXPECT_THAT(warnings({.method = "grad-cam"}), says_so);
        EXPECT_THAT(warnings({.method = "grad-cam", .layer = "mirrored"}), testing::Not(says_so));
        EXPECT_THAT(warnings({.method = "saliency"}), testing::Not(says_so));
    }
}

TEST(TargetLayer, NamesMayHaveCommas) {
    Exporter w({.opset = 17, .style = test::Style::simplified});
    std::string x = w.named(w.relu(w.conv(w.input(3, 32), 3, 8, {.kernel = 4, .stride = 4})), "a,b");
    x = w.named(w.relu(w.conv(x, 8, 8, {.kernel = 2, .stride = 2})), "c,d,e");
    const Network network = loaded(w.finish(w.classifier(w.flattened_pool(x), 8, 5)));
    const model::Shapes shapes = network_shapes(network, network.model);
    EXPECT_EQ(coarse_to_fine_layers(network), "c,d,e,a,b");
    const auto layers = find_target_layers(network, shapes, coarse_to_fine_layers(network));
    ASSERT_EQ(layers.size(), 2U);
    EXPECT_EQ(layers[0].tensor, "c,d,e");
    EXPECT_EQ(layers[1].tensor, "a,b");
    EXPECT_THAT(error_of([&] { find_target_layers(network, shapes, "a,b,f"); }), HasSubstr("no layer 'f'"));
    EXPECT_THAT(error_of([&] { find_target_layers(network, shapes, "a,b,"); }), HasSubstr("between two commas"));
    EXPECT_THAT(error_of([&] { find_target_layers(network, shapes, ",a,b"); }), HasSubstr("between two commas"));
}

TEST(TargetLayer, MapsOfIntegersAreNamed) {
    Exporter w({.opset = 17, .style = test::Style::simplified});
    const std::string scale = w.number(0.1F);
    const std::string zero = w.constant(Tensor::of<std::uint8_t>({}, {std::uint8_t{0}}));
    const std::string bytes = w.named(w.node("QuantizeLinear", {w.input(3, 32), scale, zero}), "bytes");
    const std::string flat = w.node("Flatten", {w.node("DequantizeLinear", {w.node("Flatten", {bytes}), scale, zero})});
    const Network network = loaded(w.finish(w.classifier(flat, 3 * 32 * 32, 5)));
    EXPECT_THAT(error_of([&] { chosen(network); }),
                HasSubstr("no layer with positions in floating-point numbers between its input and its scores: 'bytes' "
                          "is of uint8"));
}

TEST(Inspection, SaysWithoutAPassThatTheInputHasNoGradient) {
    Exporter w({.opset = 17, .style = test::Style::simplified});
    const std::string image = w.node("DFT", {unsqueezed(w, w.input(3, 32), 4)}, {{"axis", std::int64_t{3}}});
    const std::string real = w.node("Squeeze", {w.slice(image, 4, 0, 1), w.ints({4})});
    std::string x = w.relu(w.conv(real, 3, 8, {.kernel = 8, .stride = 8}));
    const Network network = loaded(w.finish(w.classifier(w.flattened_pool(x), 8, 5)));
    for (const MethodVerdict& verdict : inspect(network).methods) {
        SCOPED_TRACE(verdict.method);
        const auto& method = find_method(verdict.method);
        const bool of_pixels = method.map_of_input && std::string(method.needs).find("gradient") != std::string::npos;
        if (of_pixels || verdict.method == "guided-grad-cam") {
            EXPECT_THAT(verdict.obstacle, HasSubstr("the operator DFT"));
        } else {
            EXPECT_EQ(verdict.obstacle, "");
        }
    }
}

}  // namespace
}  // namespace locus::explain
