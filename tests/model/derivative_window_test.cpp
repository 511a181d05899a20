// Rules of operators that slide a window: convolutions and pooling, in one to three dimensions.

#include "model/derivative_check.hpp"

namespace locus::test {
namespace {

struct Sliding {
    Shape input, weights;
    Ints strides, pads, dilations;
    std::int64_t groups = 1;
    std::string auto_pad = "NOTSET";
};

Attributes attributes_of(const Sliding& s) {
    Attributes attributes{{"group", s.groups}};
    if (!s.strides.empty()) attributes["strides"] = s.strides;
    if (!s.dilations.empty()) attributes["dilations"] = s.dilations;
    if (!s.pads.empty()) attributes["pads"] = s.pads;
    if (s.auto_pad != "NOTSET") attributes["auto_pad"] = s.auto_pad;
    return attributes;
}

TEST(DerivativeOfConv, IsItsAdjoint) {
    const std::vector<Sliding> cases{
        {{-1, 3, 8, 7}, {4, 3, 3, 3}, {}, {1, 1, 1, 1}, {}},
        {{-1, 3, 8, 7}, {4, 3, 3, 2}, {}, {0, 2, 1, 0}, {}},
        {{-1, 4, 9, 9}, {6, 2, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 2},
        {{-1, 4, 8, 8}, {4, 1, 3, 3}, {}, {1, 1, 1, 1}, {}, 4},
        {{-1, 4, 9, 8}, {4, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {}, 4},
        {{-1, 4, 9, 8}, {8, 1, 3, 3}, {2, 1}, {1, 0, 1, 0}, {}, 4},
        {{-1, 3, 10, 10}, {4, 3, 3, 3}, {3, 2}, {0, 1, 2, 1}, {}},
        {{-1, 3, 10, 10}, {4, 3, 1, 1}, {2, 2}, {0, 0, 0, 0}, {}},
        {{-1, 3, 10, 10}, {4, 3, 1, 1}, {}, {2, 1, 0, 1}, {}},  // pads wider than the kernel: the gradient is cut
        {{-1, 3, 11, 11}, {4, 3, 3, 3}, {1, 1}, {2, 2, 2, 2}, {2, 2}},
        {{-1, 3, 11, 11}, {4, 3, 3, 3}, {2, 2}, {2, 2, 2, 2}, {2, 2}},
        {{-1, 3, 11, 10}, {4, 3, 4, 3}, {2, 2}, {}, {}, 1, "SAME_UPPER"},
        {{-1, 3, 11, 10}, {4, 3, 4, 4}, {}, {}, {}, 1, "SAME_LOWER"},
        {{-1, 3, 11, 10}, {4, 3, 3, 3}, {2, 2}, {}, {}, 1, "VALID"},
        {{-1, 3, 8, 7}, {4, 3, 1, 1}, {8, 7}, {}, {}, 1, "SAME_UPPER"},  // strides that skip elements at both ends
        {{-1, 3, 8, 14}, {4, 3, 1, 2}, {8, 7}, {}, {}, 1, "SAME_LOWER"},
        {{-1, 3, 9}, {4, 3, 3}, {}, {1, 1}, {}},
        {{-1, 4, 9}, {4, 2, 3}, {2}, {1, 1}, {}, 2},
        {{-1, 2, 5, 6, 5}, {3, 2, 3, 2, 3}, {1, 1, 1}, {1, 0, 1, 1, 1, 1}, {}},
        {{-1, 2, 5, 6, 5}, {3, 2, 3, 2, 3}, {2, 2, 1}, {1, 0, 1, 1, 1, 1}, {}},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE("case " + std::to_string(i));
        Graph g;
        const auto x = g.input(cases[i].input);
        g.expect_linear(
            g.node("Conv", {x, g.random(cases[i].weights), g.random({cases[i].weights[0]})}, attributes_of(cases[i])));
    }
}

TEST(DerivativeOfConv, TakesWeightsThatAreComputed) {
    for (const std::int64_t stride : {1, 2}) {
        Graph g;
        const auto weights = g.node("Mul", {g.random({4, 1, 3, 3}), g.random({4, 1, 1, 1})});
        g.expect_linear(g.node("Conv", {g.input({-1, 2, 7, 7}), weights},
                               {{"group", std::int64_t{2}}, {"strides", Ints{stride, stride}}}));
    }
}

/// Batch normalization's scale goes into the turned weights.
TEST(DerivativeOfConv, TakesTheScaleOfBatchNormalizationBehindIt) {
    for (const std::int64_t stride : {1, 2}) {
        Graph g;
        const auto conv =
            g.node("Conv", {g.input({-1, 3, 7, 7}), g.random({4, 3, 3, 3})}, {{"strides", Ints{stride, stride}}});
        const auto y =
            g.node("BatchNormalization", {conv, g.random({4}), g.random({4}), g.random({4}), g.random({4}, 0.5F, 2)});
        g.expect_linear(
            g.node("BatchNormalization", {y, g.random({4}), g.random({4}), g.random({4}), g.random({4}, 0.5F, 2)}));
    }
}

TEST(DerivativeOfConvTranspose, IsTheConvolution) {
    const std::vector<std::pair<Sliding, Ints>> cases{
        {{{-1, 3, 6, 5}, {3, 4, 3, 3}, {2, 2}, {1, 1, 1, 1}, {}}, {1, 1}},
        {{{-1, 4, 6, 5}, {4, 2, 3, 2}, {2, 3}, {0, 1, 1, 0}, {}, 2}, {1, 0}},
        {{{-1, 3, 6, 5}, {3, 4, 3, 3}, {1, 1}, {1, 1, 1, 1}, {2, 2}}, {0, 0}},
        {{{-1, 3, 6}, {3, 4, 4}, {2}, {1, 1}, {}}, {0}},
        {{{-1, 3, 6, 5}, {3, 4, 3, 3}, {2, 2}, {}, {}, 1, "SAME_UPPER"}, {}},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE("case " + std::to_string(i));
        Graph g;
        auto attributes = attributes_of(cases[i].first);
        if (!cases[i].second.empty()) attributes["output_padding"] = cases[i].second;
        g.expect_linear(
            g.node("ConvTranspose", {g.input(cases[i].first.input), g.random(cases[i].first.weights)}, attributes));
    }
}

TEST(DerivativeOfConvTranspose, ReachesNoFurtherThanTheKernelInALargerOutput) {
    Graph g;
    g.expect_linear(g.node("ConvTranspose", {g.input({-1, 3, 6, 6}), g.random({3, 4, 3, 3})},
                           {{"strides", Ints{2, 2}}, {"output_shape", Ints{14, 13}}}));
}

struct Pooling {
    Shape input;
    Ints kernel, strides, pads;
    std::int64_t ceil_mode = 0;
    std::int64_t count_include_pad = 0;
    Ints dilations{};
    std::string auto_pad = "NOTSET";
};

const std::vector<Pooling> poolings{
    {{-1, 3, 8, 8}, {2, 2}, {2, 2}, {}},
    {{-1, 3, 9, 7}, {2, 2}, {2, 2}, {}},
    {{-1, 3, 9, 9}, {3, 3}, {2, 2}, {1, 1, 1, 1}},
    {{-1, 3, 9, 9}, {3, 3}, {2, 2}, {1, 1, 1, 1}, 0, 1},
    {{-1, 3, 9, 8}, {3, 3}, {2, 2}, {0, 0, 0, 0}, 1},
    {{-1, 3, 10, 8}, {3, 3}, {2, 2}, {1, 1, 1, 1}, 1},
    {{-1, 3, 7, 7}, {3, 3}, {1, 1}, {1, 1, 1, 1}},
    {{-1, 3, 7, 7}, {3, 3}, {1, 1}, {1, 1, 1, 1}, 0, 1},
    {{-1, 3, 11, 11}, {5, 5}, {3, 3}, {1, 2, 0, 2}},
    {{-1, 3, 11, 10}, {3, 2}, {3, 1}, {}},
    {{-1, 3, 11, 11}, {2, 2}, {3, 3}, {}},
    {{-1, 3, 10, 10}, {3, 3}, {2, 2}, {}, 0, 0, {}, "SAME_UPPER"},
    {{-1, 3, 10, 9}, {3, 2}, {2, 2}, {}, 1, 0, {}, "VALID"},  // which does not keep ceil_mode from another window
    {{-1, 3, 7, 4}, {3, 3}, {3, 2}, {}, 1, 1, {}, "VALID"},
    {{-1, 3, 7, 7}, {2, 3}, {4, 4}, {0, 1, 1, 1}, 1},  // the last window would start in the padding
    {{-1, 3, 9}, {3}, {2}, {1, 1}},
    {{-1, 2, 5, 6, 5}, {2, 2, 2}, {2, 2, 2}, {}},
    {{-1, 2, 5, 6, 5}, {3, 2, 2}, {1, 2, 1}, {1, 0, 0, 1, 0, 0}},
};

Attributes attributes_of(const Pooling& p) {
    Attributes attributes{{"kernel_shape", p.kernel}, {"strides", p.strides}, {"ceil_mode", p.ceil_mode}};
    if (!p.pads.empty()) attributes["pads"] = p.pads;
    if (!p.dilations.empty()) attributes["dilations"] = p.dilations;
    if (p.auto_pad != "NOTSET") attributes["auto_pad"] = p.auto_pad;
    return attributes;
}

TEST(DerivativeOfAveragePool, IsItsAdjoint) {
    for (const std::int64_t opset : {13, 19}) {
        for (std::size_t i = 0; i < poolings.size(); ++i) {
            SCOPED_TRACE("case " + std::to_string(i) + ", opset " + std::to_string(opset));
            Graph g(opset);
            auto attributes = attributes_of(poolings[i]);
            attributes["count_include_pad"] = poolings[i].count_include_pad;
            g.expect_linear(g.node("AveragePool", {g.input(poolings[i].input)}, attributes));
        }
    }
}

// Strides that skip elements at both ends; without count_include_pad the runtime refuses it.
TEST(DerivativeOfAveragePool, KnowsWhatAutomaticPaddingCutsOff) {
    for (const char* automatic : {"SAME_UPPER", "SAME_LOWER"}) {
        SCOPED_TRACE(automatic);
        Graph g(19);
        auto attributes = attributes_of({{}, {1, 2}, {4, 5}, {}, 0, 0, {}, automatic});
        attributes["count_include_pad"] = std::int64_t{1};
        g.expect_linear(g.node("AveragePool", {g.input({-1, 3, 8, 9})}, attributes));
    }
}

TEST(DerivativeOfMaxPool, GoesToTheLargest) {
    auto cases = poolings;
    cases.push_back({{-1, 3, 11, 11}, {3, 3}, {1, 1}, {2, 2, 2, 2}, 0, 0, {2, 2}});
    cases.push_back({{-1, 3, 11, 11}, {2, 2}, {2, 2}, {0, 0, 0, 0}, 0, 0, {2, 2}});
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE("case " + std::to_string(i));
        Graph g;
        Shape one = cases[i].input;
        one[0] = 3;
        // No two closer than 0.2, steps of 0.02: the largest stays the largest.
        g.expect_gradient(
            g.node("MaxPool", {g.input(cases[i].input, g.distinct(element_count(one)))}, attributes_of(cases[i])),
            false);
    }
}

/// All elements equal: in each window the first gets the gradient, in padded and overlapping windows too.
TEST(DerivativeOfMaxPool, FirstOfEqualElementsWins) {
    Graph g;
    const auto y = g.node("MaxPool", {g.input({1, 1, 4, 4})},
                          {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
    const Tensor gradient = Graph::Run(g, y, "").gradient(Tensor(DataType::float32, {1, 1, 4, 4}),
                                                          Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4}));
    const std::vector<float> expected{1, 2, 0, 0,  //
                                      3, 4, 0, 0,  //
                                      0, 0, 0, 0,  //
                                      0, 0, 0, 0};
    const auto values = gradient.values<float>();
    EXPECT_EQ(std::vector<float>(values.begin(), values.end()), expected);
}

/// Between QuantizeLinear and DequantizeLinear, straight through: by comparison, or by indices where windows have gaps.
TEST(DerivativeOfMaxPool, OfQuantizedNumbersGoesToTheLargest) {
    for (const Ints& dilations : {Ints{1, 1}, Ints{2, 2}}) {
        Graph g;
        const auto scale = g.number(0.5F), zero = g.constant(Tensor::scalar<std::uint8_t>(128));
        const auto quantized = g.node("QuantizeLinear", {g.input({1, 1, 3, 3}), scale, zero});
        const auto pooled = g.node("MaxPool", {quantized},
                                   {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}, {"dilations", dilations}});
        const auto y = g.node("DequantizeLinear", {pooled, scale, zero});
        const Tensor gradient = Graph::Run(g, y, "").gradient(
            Tensor::of<float>({1, 1, 3, 3}, {1, -2, 3, 4, 0, 9, -9, 5, -1}), Tensor::of<float>({1, 1, 1, 1}, {7}));
        const std::vector<float> largest = dilations[0] == 1 ? std::vector<float>{0, 0, 0, 7, 0, 0, 0, 0, 0}
                                                             : std::vector<float>{0, 0, 7, 0, 0, 0, 0, 0, 0};
        const auto values = gradient.values<float>();
        EXPECT_EQ(std::vector<float>(values.begin(), values.end()), largest) << dilations[0];
    }
}

TEST(DerivativeOfGlobalPools, AverageMaximumAndNorm) {
    for (const Shape& shape : {Shape{-1, 3, 4, 5}, Shape{-1, 3, 6}}) {
        Graph average;
        average.expect_linear(average.node("GlobalAveragePool", {average.input(shape)}));
        Graph maximum;
        maximum.expect_gradient(maximum.node("GlobalMaxPool", {maximum.input(shape, maximum.distinct(180))}), false);
        Graph norm;
        norm.expect_gradient(norm.node("GlobalLpPool", {norm.input(shape, norm.away_from_zero())}));
    }
    Graph tie;
    const auto y = tie.node("GlobalMaxPool", {tie.input({1, 1, 2, 2})});
    const Tensor gradient =
        Graph::Run(tie, y, "")
            .gradient(Tensor::of<float>({1, 1, 2, 2}, {1, 3, 3, 2}), Tensor::of<float>({1, 1, 1, 1}, {5}));
    EXPECT_EQ(gradient.values<float>()[1], 5);
    EXPECT_EQ(gradient.values<float>()[2], 0);
}

TEST(DerivativeOfLpPool, IsItsSlope) {
    Graph g;
    g.expect_gradient(g.node("LpPool", {g.input({-1, 2, 6, 6}, g.away_from_zero())},
                             {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"p", std::int64_t{2}}}));
}

}  // namespace
}  // namespace locus::test
