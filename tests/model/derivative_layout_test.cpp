// Rules of operators that move, pick, repeat and resize; reductions; matrix products; normalizations.

#include <gmock/gmock.h>

#include "error_of.hpp"
#include "model/derivative_check.hpp"

namespace locus::test {
namespace {

TEST(DerivativeOfLayout, ReshapingIsUndone) {
    Graph flatten;
    flatten.expect_linear(flatten.node("Flatten", {flatten.input({-1, 3, 4})}, {{"axis", std::int64_t{2}}}));
    Graph reshape;
    reshape.expect_linear(reshape.node("Reshape", {reshape.input({-1, 3, 4}), reshape.ints({0, 2, -1})}));
    Graph squeeze;
    squeeze.expect_linear(squeeze.node("Squeeze", {squeeze.input({-1, 1, 4, 1}), squeeze.ints({1, -1})}));
    Graph unsqueeze;
    unsqueeze.expect_linear(unsqueeze.node("Unsqueeze", {unsqueeze.input({-1, 4}), unsqueeze.ints({0, -1})}));
    Graph transpose;
    transpose.expect_linear(
        transpose.node("Transpose", {transpose.input({-1, 3, 4, 2})}, {{"perm", Ints{2, 0, 3, 1}}}));
    Graph reversed;
    reversed.expect_linear(reversed.node("Transpose", {reversed.input({-1, 3, 4})}));
}

/// The target worked out in the graph, as exporters write it; windows folded into the batch, as Swin does.
TEST(DerivativeOfLayout, ShapeArithmeticIsFollowed) {
    Graph g;
    const auto x = g.input({-1, 4, 6, 5});
    const auto shape = g.node("Shape", {x});
    const auto batch = g.node("Gather", {shape, g.ints({0})});
    const auto halves = g.node("Div", {g.node("Gather", {shape, g.ints({2})}), g.ints({2})});
    const auto split = g.node(
        "Reshape", {x, g.node("Concat", {batch, g.ints({4}), halves, g.ints({2, 5})}, {{"axis", std::int64_t{0}}})});
    const auto windows =
        g.node("Reshape", {g.node("Transpose", {split}, {{"perm", Ints{0, 2, 1, 3, 4}}}), g.ints({-1, 4, 2, 5})});
    const auto scaled = g.node("MatMul", {windows, g.random({5, 5})});
    g.expect_linear(g.node("Reshape", {scaled, g.node("Concat", {batch, g.ints({-1})}, {{"axis", std::int64_t{0}}})}));
}

TEST(DerivativeOfLayout, ConcatAndSplitShareOut) {
    Graph g;
    const auto x = g.input({-1, 5, 2});
    const auto parts = g.nodes("Split", {x, g.ints({2, 3})}, 2, {{"axis", std::int64_t{1}}});
    const auto y = g.node("Concat", {parts[1], g.random({1, 1, 2}), g.node("Mul", {parts[0], g.number(3)})},
                          {{"axis", std::int64_t{-2}}});
    Graph one;  // the other part is not used
    const auto z = one.nodes("Split", {one.input({-1, 6, 2})}, 2, {{"axis", std::int64_t{1}}});
    one.expect_linear(one.node("Mul", {z[1], one.number(2)}));
    Graph fixed;
    const auto f = fixed.input({1, 5, 2});
    const auto q = fixed.nodes("Split", {f, fixed.ints({2, 3})}, 2, {{"axis", std::int64_t{1}}});
    fixed.expect_linear(fixed.node("Concat",
                                   {q[1], fixed.random({1, 1, 2}), fixed.node("Mul", {q[0], fixed.number(3)})},
                                   {{"axis", std::int64_t{-2}}}));
}

TEST(DerivativeOfLayout, SlicesPutBack) {
    struct Case {
        Ints starts, ends, axes, steps;
    };
    const std::int64_t far = std::numeric_limits<std::int64_t>::max(),
                       before = std::numeric_limits<std::int64_t>::min();
    for (const auto& [starts, ends, axes, steps] : std::vector<Case>{{{1}, {5}, {1}, {1}},
                                                                     {{-1}, {before}, {1}, {-1}},
                                                                     {{1, 0}, {far, -1}, {1, 2}, {2, 3}},
                                                                     {{6, 3}, {0, far}, {-2, -1}, {-3, 2}},
                                                                     {{-4}, {-1}, {1}, {1}},
                                                                     {{0}, {far}, {2}, {5}}}) {
        Graph g;
        g.expect_linear(
            g.node("Slice", {g.input({-1, 7, 8}), g.ints(starts), g.ints(ends), g.ints(axes), g.ints(steps)}));
    }
}

TEST(DerivativeOfLayout, PadsOfAllModes) {
    for (const std::string mode : {"constant", "reflect", "edge"}) {
        Graph g;
        g.expect_linear(g.node("Pad", {g.input({-1, 3, 5, 4}), g.ints({0, 0, 2, 1, 0, 0, 1, 3})}, {{"mode", mode}}));
    }
    Graph cut;
    cut.expect_linear(
        cut.node("Pad", {cut.input({-1, 3, 5, 4}), cut.ints({0, 0, -1, 1, 0, 1, -2, -1}), cut.number(7)}));
    Graph axes(18);
    axes.expect_linear(axes.node("Pad", {axes.input({-1, 3, 5, 4}), axes.ints({1, 2}), "", axes.ints({2})},
                                 {{"mode", std::string("edge")}}));
    Graph wrap(19);
    wrap.expect_linear(
        wrap.node("Pad", {wrap.input({-1, 3, 5}), wrap.ints({0, 0, 2, 0, 0, 3})}, {{"mode", std::string("wrap")}}));
}

/// ONNX Runtime (1.30, tried) cuts off first, and then reflects no more than what is left beside the border.
TEST(DerivativeOfLayout, PadsThatTheRuntimeRefusesAreRefused) {
    const auto padded = [](const std::string& mode, std::int64_t size, std::int64_t before, std::int64_t behind) {
        Graph g(19);
        const auto y = g.node("Pad", {g.input({1, size}), g.ints({0, before, 0, behind})}, {{"mode", mode}});
        return error_of([&] { Graph::Run(g, y, ""); });
    };
    const auto none_left = testing::AllOf(testing::HasSubstr("model: "), testing::HasSubstr("(Pad) cannot run: "));
    EXPECT_THAT(padded("reflect", 1, 1, 0), none_left);
    EXPECT_THAT(padded("reflect", 5, 0, 5), none_left);
    EXPECT_THAT(padded("reflect", 5, -2, 3), none_left);
    EXPECT_EQ(padded("reflect", 5, -1, 3), "");
    EXPECT_THAT(padded("wrap", 0, 0, 1), none_left);
    const auto refused = testing::AllOf(testing::HasSubstr("unsupported: "), testing::HasSubstr("wraps around"));
    EXPECT_THAT(padded("wrap", 5, -1, 3), refused);
    EXPECT_THAT(padded("wrap", 5, 0, 6), refused);
    EXPECT_EQ(padded("wrap", 5, 5, 5), "");
}

/// The session is never made: ONNX Runtime would not load such a mode.
TEST(DerivativeOfLayout, AModeOfPaddingThatIsNotKnownIsRefused) {
    Graph g;
    const auto y = g.node("Pad", {g.input({1, 5}), g.ints({0, 1, 0, 1})}, {{"mode", std::string("mirror")}});
    const auto seed = g.random({1, 7});
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    EXPECT_THAT(error_of([&] { model::differentiate(model, shapes, {model::Seed::with(y, seed)}, {"x"}); }),
                testing::AllOf(testing::HasSubstr("unsupported: "), testing::HasSubstr("its mode is 'mirror'")));
}

TEST(DerivativeOfLayout, ExpandTileAndBlocks) {
    Graph expand;
    expand.expect_linear(expand.node("Expand", {expand.input({3, 1}), expand.ints({2, 3, 4})}));
    Graph tile;
    tile.expect_linear(tile.node("Tile", {tile.input({-1, 3, 2}), tile.ints({1, 2, 3})}));
    for (const std::string mode : {"DCR", "CRD"}) {
        Graph g;
        g.expect_linear(
            g.node("DepthToSpace", {g.input({-1, 8, 3, 2})}, {{"blocksize", std::int64_t{2}}, {"mode", mode}}));
    }
    Graph space;
    space.expect_linear(space.node("SpaceToDepth", {space.input({-1, 3, 4, 6})}, {{"blocksize", std::int64_t{2}}}));
    Graph triangle;
    triangle.expect_linear(triangle.node("Trilu", {triangle.input({-1, 4, 4})}, {{"upper", std::int64_t{0}}}));
}

TEST(DerivativeOfIndexing, GatherByConstants) {
    const std::vector<Tensor> indices{Tensor::scalar<std::int64_t>(-1), Tensor::of<std::int64_t>({2}, {1, 2}),
                                      Tensor::of<std::int64_t>({4}, {3, 0, 2, 1}),
                                      Tensor::of<std::int64_t>({2}, {3, 0}),
                                      Tensor::of<std::int64_t>({2, 3}, {0, 1, 1, 3, -1, 1})};
    for (const auto& index : indices) {
        for (const std::int64_t axis : {1, 2}) {
            Graph g;
            g.expect_linear(g.node("Gather", {g.input({-1, 4, 4}), g.constant(index)}, {{"axis", axis}}));
        }
    }
}

TEST(DerivativeOfIndexing, NothingGatheredGivesZeros) {
    Graph g;
    const auto nothing = g.constant(Tensor::of<std::int64_t>({0}, {}));
    const auto y = g.node("ReduceSum", {g.node("Gather", {g.input({2, 4}), nothing}, {{"axis", std::int64_t{1}}})});
    const Tensor gradient = Graph::Run(g, y, "").gradient(g.sample(2), Tensor::of<float>({1, 1}, {1}));
    EXPECT_EQ(gradient.shape(), (Shape{2, 4}));
    for (const float value : gradient.values<float>()) EXPECT_EQ(value, 0);
}

TEST(DerivativeOfIndexing, ConstantIndicesThatPointNowhereAreRefused) {
    constexpr std::int64_t far = std::int64_t{1} << 40;
    for (const Ints& picks : std::vector<Ints>{{4}, {-5}, {far}, {-far}, {far, 1}, {far, far}}) {
        Graph g;
        const auto y = g.node("Gather", {g.input({2, 4}), g.ints(picks)}, {{"axis", std::int64_t{1}}});
        EXPECT_THAT(error_of([&] { Graph::Run(g, y, ""); }),
                    testing::AllOf(testing::HasSubstr("model: "),
                                   testing::HasSubstr("it picks element " + std::to_string(picks[0]) + " of 4")));
    }
}

/// Indices that the network computes: here, the place of each row's largest.
TEST(DerivativeOfIndexing, GatherByComputedIndices) {
    Graph g;
    const auto x = g.input({-1, 4, 3}, g.distinct(36));
    const auto sums = g.node("ReduceMean", {x}, {{"axes", Ints{0, 2}}, {"keepdims", std::int64_t{0}}});
    const auto best = g.node("ArgMax", {sums}, {{"axis", std::int64_t{0}}});
    g.expect_gradient(g.node("Gather", {g.node("Mul", {x, x}), best}, {{"axis", std::int64_t{1}}}), true, 0.005);
}

TEST(DerivativeOfIndexing, ElementsScatteredAndGathered) {
    Graph elements;
    const auto index = elements.constant(Tensor::of<std::int64_t>({1, 2, 3}, {0, 2, 2, 1, 0, 3}));
    elements.expect_linear(
        elements.node("GatherElements", {elements.input({1, 4, 3}), index}, {{"axis", std::int64_t{1}}}));
    Graph nd;
    const auto places = nd.constant(Tensor::of<std::int64_t>({3, 2}, {0, 1, 1, 3, 0, 1}));
    nd.expect_linear(nd.node("GatherND", {nd.input({2, 4, 3}), places}));
    const auto unique = Tensor::of<std::int64_t>({2, 2}, {0, 1, 1, 3});
    for (const bool data : {true, false}) {
        Graph g;
        const auto x = data ? g.input({2, 4, 3}) : g.input({2, 3});
        g.expect_linear(data ? g.node("ScatterND", {x, g.constant(unique), g.random({2, 3})})
                             : g.node("ScatterND", {g.random({2, 4, 3}), g.constant(unique), x}));
        Graph e;
        const auto at = Tensor::of<std::int64_t>({1, 3}, {2, 0, 3});
        const auto z = data ? e.input({1, 5}) : e.input({1, 3});
        e.expect_linear(
            data ? e.node("ScatterElements", {z, e.constant(at), e.random({1, 3})}, {{"axis", std::int64_t{1}}})
                 : e.node("ScatterElements", {e.random({1, 5}), e.constant(at), z}, {{"axis", std::int64_t{1}}}));
    }
    Graph top;
    const auto x = top.input({-1, 6}, top.distinct(18));
    top.expect_gradient(top.nodes("TopK", {x, top.ints({2})}, 2)[0], false);
}

TEST(DerivativeOfResize, AllModesUpAndDown) {
    const std::vector<Attributes> modes{
        {{"mode", std::string("nearest")},
         {"coordinate_transformation_mode", std::string("asymmetric")},
         {"nearest_mode", std::string("floor")}},
        {{"mode", std::string("nearest")}},
        {{"mode", std::string("nearest")}, {"nearest_mode", std::string("ceil")}},
        {{"mode", std::string("nearest")}, {"nearest_mode", std::string("round_prefer_ceil")}},
        {{"mode", std::string("linear")}},
        {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("align_corners")}},
        {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("asymmetric")}},
        {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("pytorch_half_pixel")}},
        {{"mode", std::string("cubic")}},
        {{"mode", std::string("cubic")}, {"cubic_coeff_a", -0.5F}, {"exclude_outside", std::int64_t{1}}},
        {{"mode", std::string("cubic")}, {"coordinate_transformation_mode", std::string("align_corners")}},
    };
    for (std::size_t i = 0; i < modes.size(); ++i) {
        for (const bool up : {true, false}) {
            SCOPED_TRACE("mode " + std::to_string(i) + (up ? " up" : " down"));
            Graph scaled;
            const auto scales = Tensor::of<float>({4}, {1, 1, up ? 2.0F : 0.5F, up ? 1.7F : 0.6F});
            scaled.expect_linear(
                scaled.node("Resize", {scaled.input({-1, 2, 6, 5}), "", scaled.constant(scales)}, modes[i]));
            Graph sized;
            sized.expect_linear(sized.node(
                "Resize", {sized.input({1, 2, 6, 5}), "", "", sized.ints({1, 2, up ? 13 : 4, up ? 9 : 3})}, modes[i]));
        }
    }
}

/// One scale for both axes, that of the side which decides: the other ends in a fraction of a pixel.
TEST(DerivativeOfResize, KeepsTheAspectRatio) {
    for (const std::string mode : {"linear", "cubic", "nearest"}) {
        for (const std::string policy : {"not_larger", "not_smaller", "stretch"}) {
            for (const Ints& sizes : {Ints{13, 13}, Ints{4, 8}}) {
                SCOPED_TRACE(mode + " " + policy + " " + std::to_string(sizes[0]));
                Graph g(18);
                g.expect_linear(g.node("Resize", {g.input({-1, 2, 7, 10}), "", "", g.ints(sizes)},
                                       {{"mode", mode}, {"keep_aspect_ratio_policy", policy}, {"axes", Ints{2, 3}}}));
            }
        }
    }
}

TEST(DerivativeOfResize, AntialiasShrinks) {
    for (const std::string mode : {"linear", "cubic"}) {
        Graph g(18);
        g.expect_linear(g.node("Resize", {g.input({1, 2, 12, 9}), "", "", g.ints({1, 2, 5, 4})},
                               {{"mode", mode}, {"antialias", std::int64_t{1}}}));
    }
}

TEST(DerivativeOfReduction, AllKindsOverAxesAndEverything) {
    for (const std::string op : {"ReduceMean", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
                                 "ReduceLogSumExp", "ReduceProd", "ReduceMax", "ReduceMin"}) {
        for (const std::int64_t opset : {17, 18}) {
            for (const std::int64_t keep : {0, 1}) {
                SCOPED_TRACE(op + " at opset " + std::to_string(opset));
                Graph g(opset);
                const bool extreme = op == "ReduceMax" || op == "ReduceMin";
                const auto x = g.input({-1, 3, 4}, extreme ? g.distinct(36) : g.between(0.5F, 2));
                std::vector<std::string> inputs{x};
                Attributes attributes{{"keepdims", keep}};
                if (opset >= 18 || op == "ReduceSum")
                    inputs.push_back(g.ints({2}));
                else
                    attributes["axes"] = Ints{-1};
                const bool curved = op != "ReduceMean" && op != "ReduceSum" && op != "ReduceL1" && !extreme;
                g.expect_gradient(g.node(op, inputs, attributes), curved);
            }
        }
    }
    Graph all;
    all.expect_linear(all.node("ReduceMean", {all.input({2, 3})}, {{"keepdims", std::int64_t{0}}}));
}

TEST(DerivativeOfMatrixProducts, GemmInAllOrientations) {
    for (const std::int64_t ta : {0, 1}) {
        for (const std::int64_t tb : {0, 1}) {
            const Attributes attributes{{"transA", ta}, {"transB", tb}, {"alpha", 0.5F}, {"beta", 2.0F}};
            const Shape a = ta != 0 ? Shape{4, 3} : Shape{3, 4}, b = tb != 0 ? Shape{5, 4} : Shape{4, 5};
            Graph left;
            left.expect_linear(left.node("Gemm", {left.input(a), left.random(b), left.random({5})}, attributes));
            Graph right;
            right.expect_linear(right.node("Gemm", {right.random(a), right.input(b)}, attributes));
            Graph bias;
            bias.expect_linear(bias.node("Gemm", {bias.random(a), bias.random(b), bias.input({5})}, attributes));
        }
    }
}

TEST(DerivativeOfMatrixProducts, MatMulOfBatchesAndVectors) {
    const std::vector<std::pair<Shape, Shape>> shapes{
        {{3, 4}, {4, 5}}, {{2, 3, 4}, {4, 5}}, {{2, 3, 4}, {2, 4, 5}}, {{2, 1, 3, 4}, {3, 4, 5}}, {{3, 4}, {2, 4, 5}},
        {{4}, {4, 5}},    {{3, 4}, {4}},       {{2, 3, 4}, {4}},       {{4}, {2, 4, 5}},          {{4}, {4}}};
    for (const auto& [a, b] : shapes) {
        SCOPED_TRACE(to_string(a) + " " + to_string(b));
        Graph left;
        left.expect_linear(left.node("MatMul", {left.input(a), left.random(b)}));
        Graph right;
        right.expect_linear(right.node("MatMul", {right.random(a), right.input(b)}));
    }
    Graph batch;
    batch.expect_linear(batch.node("MatMul", {batch.input({-1, 3, 4}), batch.random({4, 5})}));
}

/// Both inputs of both products come from the same tensor.
TEST(DerivativeOfMatrixProducts, AttentionTwice) {
    Graph g;
    const auto x = g.input({-1, 4, 3});
    const auto q = g.node("MatMul", {x, g.random({3, 3})}), k = g.node("MatMul", {x, g.random({3, 3})}),
               v = g.node("MatMul", {x, g.random({3, 3})});
    const auto scores = g.node("Softmax", {g.node("MatMul", {q, g.node("Transpose", {k}, {{"perm", Ints{0, 2, 1}}})})});
    g.expect_gradient(g.node("MatMul", {scores, v}));
}

TEST(DerivativeOfMatrixProducts, Einsum) {
    Graph g;
    const auto x = g.input({-1, 4, 3});
    g.expect_gradient(g.node("Einsum", {x, x}, {{"equation", std::string("bik, bjk -> bij")}}));
    Graph sum;  // an index that is summed over and stands nowhere else
    sum.expect_linear(
        sum.node("Einsum", {sum.input({2, 4, 3}), sum.random({4})}, {{"equation", std::string("bik,i->b")}}));
}

/// The rows of the last layer that the classes pick are the same as a dense gradient's.
TEST(DerivativeOfMatrixProducts, OneHotSeedsPickRows) {
    for (const std::string op : {"Gemm", "GemmTransposed", "MatMul", "Tanh"}) {
        Graph g;
        auto y = g.input({3, 4});
        if (op == "Gemm") y = g.node("Gemm", {y, g.random({4, 6}), g.random({6})});
        if (op == "GemmTransposed")
            y = g.node("Gemm", {y, g.random({6, 4}), g.random({6})}, {{"transB", std::int64_t{1}}, {"alpha", 0.5F}});
        if (op == "MatMul") y = g.node("Add", {g.node("MatMul", {y, g.random({4, 6})}), g.random({6})});
        if (op == "Tanh") y = g.node("Tanh", {y});
        const Tensor x = g.sample(3);
        Tensor w(DataType::float32, {3, op == "Tanh" ? 4 : 6});
        const std::vector<std::int64_t> chosen{2, 0, 3};
        for (int n = 0; n < 3; ++n) w.mutable_values<float>()[n * w.shape()[1] + chosen[n]] = 1;
        const Tensor dense = Graph::Run(g, y, "").gradient(x, w);

        auto model = g.model();
        auto shapes = runtime::known_shapes(model);
        model.graph.initializers["classes"] = Tensor::of<std::int64_t>({3}, std::span<const std::int64_t>(chosen));
        const auto gradient = model::differentiate(model, shapes, {model::Seed::one_hot(y, "classes")}, {"x"}).at("x");
        model.graph.outputs = {{gradient, DataType::float32, {}, {}, {}}};
        const Tensor picked = runtime::Session(model, {.threads = 1}).run({{"x", x}}, {gradient}).front();
        for (std::int64_t i = 0; i < dense.size(); ++i)
            EXPECT_NEAR(picked.values<float>()[i], dense.values<float>()[i], 1e-6) << op;
    }
}

TEST(DerivativeOfNormalization, SoftmaxAlongAxesAndFlattened) {
    for (const std::string op : {"Softmax", "LogSoftmax"}) {
        for (const std::int64_t opset : {11, 13}) {  // before 13, the axes from `axis` on count as one
            for (const std::int64_t axis : {1, 2}) {
                Graph g(opset);
                g.expect_gradient(g.node(op, {g.input({-1, 3, 4})}, {{"axis", axis}}));
            }
        }
    }
}

TEST(DerivativeOfNormalization, BatchInstanceLayerAndGroup) {
    Graph batch;
    batch.expect_linear(
        batch.node("BatchNormalization", {batch.input({-1, 3, 4, 4}), batch.random({3}), batch.random({3}),
                                          batch.random({3}), batch.random({3}, 0.5F, 2)}));
    Graph computed;  // statistics that are not constants
    const auto variance = computed.node("Abs", {computed.random({3}, 0.5F, 2)});
    computed.expect_linear(computed.node("BatchNormalization", {computed.input({-1, 3, 4}), computed.random({3}),
                                                                computed.random({3}), computed.random({3}), variance}));
    Graph instance;
    instance.expect_gradient(instance.node(
        "InstanceNormalization", {instance.input({-1, 3, 4, 4}), instance.random({3}), instance.random({3})}));
    for (const std::int64_t axis : {-1, 2}) {
        Graph layer;
        layer.expect_gradient(layer.node("LayerNormalization",
                                         {layer.input({-1, 3, 4, 5}), layer.random(axis == -1 ? Shape{5} : Shape{4, 5}),
                                          layer.random(axis == -1 ? Shape{5} : Shape{4, 5})},
                                         {{"axis", axis}}));
    }
    Graph bare;
    bare.expect_gradient(bare.node("LayerNormalization", {bare.input({-1, 3, 5}), bare.random({5})}));
    for (const std::int64_t opset : {18, 21}) {
        Graph group(opset);
        const Shape parameters{opset < 21 ? 2 : 4};
        group.expect_gradient(group.node(
            "GroupNormalization", {group.input({-1, 4, 3, 3}), group.random(parameters), group.random(parameters)},
            {{"num_groups", std::int64_t{2}}}));
    }
    Graph statistics;
    statistics.expect_gradient(statistics.node("MeanVarianceNormalization", {statistics.input({2, 3, 4, 4})}));
}

TEST(DerivativeOfNormalization, ResponsesOfNeighbouringChannels) {
    for (const std::int64_t size : {3, 5}) {  // ONNX Runtime takes odd sizes only
        Graph g;
        g.expect_gradient(g.node("LRN", {g.input({-1, 6, 2, 3})},
                                 {{"size", size}, {"alpha", 0.5F}, {"beta", 0.75F}, {"bias", 1.5F}}));
    }
}

/// ONNX Runtime divides nothing by nothing as 0; so does the derivative, and the derivative of that.
TEST(DerivativeOfNormalization, LpNormsOfNothingGiveNothing) {
    for (const std::int64_t p : {1, 2}) {
        Graph g;
        const auto y = g.node("LpNormalization", {g.input({2, 3})}, {{"p", p}, {"axis", std::int64_t{1}}});
        Graph::Run run(g, y, "v");
        const Tensor x = Tensor::of<float>({2, 3}, {0, 0, 0, 3, 0, 4}),
                     w = Tensor::of<float>({2, 3}, {1, 2, 3, 1, 2, 3});
        const Tensor gradient = run.gradient(x, w), second = run.second(x, w, w);
        for (std::size_t i = 0; i < 6; ++i) {
            EXPECT_TRUE(i < 3 ? gradient.values<float>()[i] == 0 : std::isfinite(gradient.values<float>()[i])) << i;
            EXPECT_TRUE(i < 3 ? second.values<float>()[i] == 0 : std::isfinite(second.values<float>()[i])) << i;
        }
        EXPECT_FLOAT_EQ(gradient.values<float>()[4], p == 2 ? 2.0F / 5 : 2.0F / 7);  // x is 0 there
    }
}

TEST(DerivativeOfNormalization, LpNormsOfOneAndTwo) {
    for (const std::int64_t p : {1, 2}) {
        Graph g;
        g.expect_gradient(
            g.node("LpNormalization", {g.input({2, 5}, g.away_from_zero())}, {{"p", p}, {"axis", std::int64_t{1}}}));
    }
}

}  // namespace
}  // namespace locus::test
