// Rules that work element by element: activations, arithmetic with broadcasting, choices, quantization.

#include "locus/error.hpp"
#include "model/derivative_check.hpp"

namespace locus::test {
namespace {

struct Activation {
    std::string op;
    Attributes attributes{};
    std::string range = "away from zero";  // where it is smooth
    bool curved = true;                    // has a second derivative
    std::int64_t opset = 17;
};

std::ostream& operator<<(std::ostream& out, const Activation& activation) { return out << activation.op; }

class DerivativeOfActivation : public testing::TestWithParam<Activation> {};

TEST_P(DerivativeOfActivation, IsItsSlope) {
    const auto& [op, attributes, range, curved, opset] = GetParam();
    Graph g(opset);
    std::function<float()> fill = g.away_from_zero();
    if (range == "positive") fill = g.between(0.5F, 3);
    if (range == "inside 1") fill = g.between(-0.8F, 0.8F);
    if (range == "above 1") fill = g.between(1.5F, 3);
    if (range == "inside 2") fill = [inner = g.between(-2, 2)] { return inner(); };
    g.expect_gradient(g.node(op, {g.input({-1, 4, 5}, fill)}, attributes), curved);
}

INSTANTIATE_TEST_SUITE_P(
    Operators, DerivativeOfActivation,
    testing::Values(
        Activation{"Relu", {}, "away from zero", false},
        Activation{"LeakyRelu", {{"alpha", 0.2F}}, "away from zero", false}, Activation{"Elu", {{"alpha", 1.5F}}},
        Activation{"Celu", {{"alpha", 1.5F}}}, Activation{"Selu"},
        Activation{"ThresholdedRelu", {{"alpha", 0.1F}}, "away from zero", false}, Activation{"Sigmoid"},
        Activation{"HardSigmoid", {{"alpha", 0.2F}}, "inside 2", false}, Activation{"HardSwish", {}, "inside 2"},
        Activation{"Mish", {}, "away from zero", true, 18}, Activation{"Tanh"}, Activation{"Softplus"},
        Activation{"Softsign"}, Activation{"Erf"}, Activation{"Gelu", {}, "away from zero", true, 20},
        Activation{"Gelu", {{"approximate", std::string("tanh")}}, "away from zero", true, 20}, Activation{"Exp"},
        Activation{"Log", {}, "positive"}, Activation{"Sqrt", {}, "positive"}, Activation{"Reciprocal", {}, "positive"},
        Activation{"Abs", {}, "away from zero", false}, Activation{"Neg", {}, "away from zero", false},
        Activation{"Sin"}, Activation{"Cos"}, Activation{"Tan", {}, "inside 1"}, Activation{"Sinh"}, Activation{"Cosh"},
        Activation{"Asin", {}, "inside 1"}, Activation{"Acos", {}, "inside 1"}, Activation{"Atan"}, Activation{"Asinh"},
        Activation{"Acosh", {}, "above 1"}, Activation{"Atanh", {}, "inside 1"},
        Activation{"Identity", {}, "away from zero", false}, Activation{"Dropout", {}, "away from zero", false}),
    [](const auto& tested) { return tested.param.op + std::to_string(tested.index); });

TEST(DerivativeElementwise, PReluToInputAndSlope) {
    Graph g;
    const auto x = g.input({-1, 3, 2, 2}, g.away_from_zero());
    g.expect_gradient(g.node("PRelu", {x, g.random({3, 1, 1})}), false);
    Graph h;
    const auto z = h.input({3, 1, 1}, h.away_from_zero());
    h.expect_gradient(h.node("PRelu", {h.random({2, 3, 2, 2}), z}), false);
}

TEST(DerivativeElementwise, ClipByABoundThatDependsOnTheInputIsRefused) {
    Graph g;
    const auto x = g.input({-1, 5});
    const auto bound = g.node("ReduceMax", {x}, {{"keepdims", std::int64_t{0}}});
    const auto y = g.node("Clip", {x, "", bound});
    const auto ones = g.constant(Tensor(DataType::float32, {1, 5}));
    auto model = g.model();
    auto shapes = model::infer_shapes(model);
    EXPECT_THROW(model::differentiate(model, shapes, {model::Seed::with(y, ones)}, {"x"}), Error);
}

TEST(DerivativeElementwise, DropoutInTrainingModeIsTheIdentityWhereItDropsNothing) {
    const auto dropout = [](Graph& g, float ratio) {
        Tensor training(DataType::boolean, {});
        training.mutable_bytes()[0] = std::byte{1};
        const auto x = g.input({-1, 5}, g.away_from_zero());
        return g.node("Dropout", {x, g.constant(Tensor::scalar(ratio)), g.constant(training)});
    };
    Graph keeps;
    keeps.expect_gradient(dropout(keeps, 0.0F), false);
    Graph drops;
    const auto y = dropout(drops, 0.1F);
    const auto ones = drops.constant(Tensor(DataType::float32, {1, 5}));
    auto model = drops.model();
    auto shapes = model::infer_shapes(model);
    try {
        model::differentiate(model, shapes, {model::Seed::with(y, ones)}, {"x"});
        FAIL() << "it drops at random";
    } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("it is in training mode"), std::string::npos) << error.what();
        // Vectors are no layers.
        EXPECT_NE(std::string(error.what()).find("no later layer with positions"), std::string::npos) << error.what();
    }
}

TEST(DerivativeElementwise, ClipByInputsAttributesAndOneSide) {
    for (const std::int64_t opset : {6 + 1, 13}) {
        Graph g(opset);
        const auto x = g.input({-1, 5}, g.away_from_zero(0.2F, 0.8F));
        g.expect_gradient(opset < 11 ? g.node("Clip", {x}, {{"min", -0.1F}, {"max", 0.9F}})
                                     : g.node("Clip", {x, g.number(-0.1F), g.number(0.9F)}),
                          false);
    }
    Graph g;
    g.expect_gradient(g.node("Clip", {g.input({-1, 5}, g.away_from_zero()), "", g.number(0)}), false);
}

/// As PyTorch: Relu at 0 gives 0, relu6 gives 0 at its bounds, LeakyRelu and Elu the slope of the left side.
TEST(DerivativeElementwise, KinksAreAsInPyTorch) {
    const auto at = [](const std::string& op, float x, const Attributes& attributes = {}) {
        Graph g;
        std::vector<std::string> inputs{g.input({1})};
        if (op == "Clip") inputs.insert(inputs.end(), {g.number(0), g.number(6)});
        const auto y = g.node(op, inputs, attributes);
        const Tensor gradient = Graph::Run(g, y, "").gradient(Tensor::of<float>({1}, {x}), Tensor::of<float>({1}, {1}));
        return gradient.values<float>()[0];
    };
    EXPECT_EQ(at("Relu", 0), 0);
    EXPECT_EQ(at("Relu", 1e-30F), 1);
    EXPECT_EQ(at("Clip", 0), 0);
    EXPECT_EQ(at("Clip", 6), 0);
    EXPECT_EQ(at("Clip", 5.9999995F), 1);
    EXPECT_EQ(at("Clip", 1e-30F), 1);
    EXPECT_FLOAT_EQ(at("LeakyRelu", 0, {{"alpha", 0.25F}}), 0.25F);
    EXPECT_FLOAT_EQ(at("Elu", 0, {{"alpha", 0.5F}}), 0.5F);
    EXPECT_EQ(at("Abs", 0), 0);
}

TEST(DerivativeElementwise, ArithmeticSumsOverWhatWasBroadcast) {
    for (const std::string op : {"Add", "Sub", "Mul", "Div"}) {
        for (const Shape& other : {Shape{}, Shape{5}, Shape{3, 1}, Shape{1, 3, 5}, Shape{2, 1, 1, 5}}) {
            Graph g;
            const auto x = g.input({-1, 3, 5}, g.between(0.5F, 2));
            if (other.size() == 4) {
                g.expect_gradient(g.node(op, {g.random({2, 1, 1, 5}, 0.5F, 2), x}));
                continue;
            }
            g.expect_gradient(g.node(op, {x, g.random(other, 0.5F, 2)}));
            Graph h;  // the small one is the one differentiated
            const auto z = h.input(other, h.between(0.5F, 2));
            h.expect_gradient(h.node(op, {h.random({2, 3, 5}, 0.5F, 2), z}));
        }
    }
}

TEST(DerivativeElementwise, BothSidesOfAProductAreTheSameTensor) {
    Graph g;
    const auto x = g.input({-1, 4});
    g.expect_gradient(g.node("Mul", {x, x}));
}

TEST(DerivativeElementwise, PowerByConstantsAndByTheInput) {
    for (const float exponent : {2.0F, 0.5F, -1.0F, 3.0F, 1.7F}) {
        Graph g;
        g.expect_gradient(g.node("Pow", {g.input({-1, 4}, g.between(0.5F, 2)), g.number(exponent)}));
    }
    Graph g;
    g.expect_gradient(g.node("Pow", {g.input({-1, 4}, g.between(0.5F, 2)), g.random({4}, -2, 2)}));
    Graph h;
    h.expect_gradient(h.node("Pow", {h.random({2, 4}, 0.5F, 2), h.input({4})}));
}

TEST(DerivativeElementwise, ExtremesSumsAndMeansOfSeveral) {
    for (const std::string op : {"Min", "Max", "Sum", "Mean"}) {
        Graph g;
        const auto x = g.input({-1, 6}, g.away_from_zero());
        const auto y = g.node("Neg", {x});
        g.expect_gradient(g.node(op, {x, g.node("Mul", {y, y}), g.number(0.05F)}), op == "Max" || op == "Sum", 0.005);
    }
}

TEST(DerivativeElementwise, WhereToBothSides) {
    Graph g;
    const auto x = g.input({-1, 4}, g.away_from_zero());
    const auto positive = g.node("Greater", {g.random({4}), g.number(0)});
    g.expect_gradient(g.node("Where", {positive, g.node("Exp", {x}), g.node("Mul", {x, g.number(2)})}));
}

TEST(DerivativeElementwise, IntegersAndBooleansEndAPath) {
    Graph g;
    const auto x = g.input({-1, 4}, g.away_from_zero());
    const auto whole = g.node("Cast", {g.node("Cast", {x}, {{"to", std::int64_t{7}}})}, {{"to", std::int64_t{1}}});
    g.expect_gradient(g.node("Add", {g.node("Exp", {x}), whole}), true, 0.01);
}

TEST(DerivativeElementwise, CastAndDoublesComeBackAsFloats) {
    Graph g;
    const auto wide = g.node("Cast", {g.input({-1, 4})}, {{"to", std::int64_t{11}}});
    g.expect_gradient(g.node("Cast", {g.node("Tanh", {wide})}, {{"to", std::int64_t{1}}}));
}

/// Straight through: rounding counts as doing nothing.
TEST(DerivativeElementwise, QuantizationIsPassedStraightThrough) {
    Graph g;
    const auto x = g.input({-1, 4});
    const auto scale = g.number(0.05F), zero = g.constant(Tensor::scalar<std::uint8_t>(128));
    const auto quantized = g.node("Reshape", {g.node("QuantizeLinear", {x, scale, zero}), g.ints({-1, 2, 2})});
    const auto y = g.node("Mul", {g.node("DequantizeLinear", {quantized, scale, zero}), g.number(3)});
    const Tensor gradient = Graph::Run(g, y, "").gradient(Tensor::of<float>({1, 4}, {0.3F, -1, 0, 2}),
                                                          Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}));
    EXPECT_EQ(gradient.shape(), (Shape{1, 4}));
    for (int i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(gradient.values<float>()[i], 3.0F * static_cast<float>(i + 1));
}

/// Springenberg 2014 and Zeiler 2013, by hand: x = (-1, 2, 3), gradient (5, -7, 4).
TEST(DerivativeElementwise, ReluRulesOfGuidedBackpropAndDeconvnet) {
    const auto with = [](model::ReluRule rule) {
        Graph g;
        const auto y = g.node("Relu", {g.input({3})});
        const Tensor gradient = Graph::Run(g, y, "", {.relu = rule})
                                    .gradient(Tensor::of<float>({3}, {-1, 2, 3}), Tensor::of<float>({3}, {5, -7, 4}));
        const auto values = gradient.values<float>();
        return std::vector<float>(values.begin(), values.end());
    };
    EXPECT_EQ(with(model::ReluRule::gradient), (std::vector<float>{0, -7, 4}));
    EXPECT_EQ(with(model::ReluRule::guided), (std::vector<float>{0, 0, 4}));
    EXPECT_EQ(with(model::ReluRule::deconvnet), (std::vector<float>{5, 0, 4}));
}

}  // namespace
}  // namespace locus::test
