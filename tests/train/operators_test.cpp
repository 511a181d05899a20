/// Operators whose official cases are newer than Debian's libonnx-testdata, or test too little of them: against ONNX
/// Runtime, and their gradients against finite differences.

#include "train/operators/operators.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "error_of.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "train/executor.hpp"
#include "train/random.hpp"

namespace locus::train {
namespace {

using test::error_of;
using testing::HasSubstr;
using Attributes = std::map<std::string, model::Attribute>;

/// One node: `x` is the graph's input, the other inputs are constants; nullopt where one is left out.
struct Case {
    std::string op_type;
    std::int64_t opset = 17;
    Attributes attributes;
    Tensor x;
    std::vector<std::optional<Tensor>> constants;
    std::string description() const {
        std::string text = op_type + " of opset " + std::to_string(opset);
        for (const auto& [key, value] : attributes) {
            text += ", " + key;
            if (const auto* word = std::get_if<std::string>(&value)) text += " " + *word;
        }
        return text;
    }
};

/// Uniform in low ... high.
Tensor noise(const Shape& shape, std::uint64_t seed = 1, double low = -1, double high = 1) {
    Tensor tensor(DataType::float32, shape);
    Random random(seed);
    for (float& v : tensor.mutable_values<float>()) v = static_cast<float>(random.uniform(low, high));
    return tensor;
}

Tensor integers(std::initializer_list<std::int64_t> values) {
    return Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor floats(std::initializer_list<float> values) {
    return Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values);
}

model::Model model_of(const Case& c) {
    model::Model m;
    m.opsets[""] = c.opset;
    m.ir_version = c.opset < 15 ? 7 : 10;
    m.graph.name = "case";
    std::vector<model::Dimension> shape;
    for (const std::int64_t size : c.x.shape()) shape.push_back({size, ""});
    m.graph.inputs.push_back({"x", c.x.type(), shape, {}, {}});
    m.graph.outputs.push_back({"y", c.x.type(), {}, {}, {}});
    model::Node node{c.op_type, {"x"}, {"y"}, c.attributes, "node", "", ""};
    for (std::size_t i = 0; i < c.constants.size(); ++i) {
        const std::string name = c.constants[i] ? "c" + std::to_string(i) : "";
        if (c.constants[i]) m.graph.initializers[name] = *c.constants[i];
        node.inputs.push_back(name);
    }
    m.graph.nodes.push_back(node);
    return m;
}

using Text = std::string;
using Int = std::int64_t;
using IntList = std::vector<std::int64_t>;

std::vector<Case> resize_cases() {
    std::vector<Case> cases;
    const Tensor x = noise({1, 2, 5, 7});
    const auto sizes = [](Int h, Int w) { return integers({1, 2, h, w}); };
    for (const Text mode : {"nearest", "linear", "cubic"}) {
        for (const Text coordinates : {"half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"}) {
            const Attributes how{{"mode", mode}, {"coordinate_transformation_mode", coordinates}};
            cases.push_back({"Resize", 11, how, x, {floats({}), floats({}), sizes(9, 10)}});
            cases.push_back({"Resize", 13, how, x, {{}, {}, sizes(3, 4)}});
            cases.push_back({"Resize", 13, how, x, {{}, floats({1, 1, 1.7F, 0.6F})}});
        }
        Attributes how{{"mode", mode}, {"axes", IntList{2, 3}}};
        cases.push_back({"Resize", 18, how, x, {{}, {}, integers({8, 3})}});
        how["coordinate_transformation_mode"] = Text("half_pixel_symmetric");
        cases.push_back({"Resize", 19, how, x, {{}, floats({1.7F, 0.7F})}});
        if (mode == "nearest") continue;
        how = {{"mode", mode}, {"antialias", Int{1}}};
        cases.push_back({"Resize", 18, how, x, {{}, {}, sizes(3, 3)}});
        how["exclude_outside"] = Int{1};
        cases.push_back({"Resize", 18, how, x, {{}, floats({1, 1, 0.6F, 0.5F})}});
    }
    for (const Text nearest : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})
        cases.push_back({"Resize", 13, {{"nearest_mode", nearest}}, x, {{}, {}, sizes(10, 14)}});
    for (const Text policy : {"not_larger", "not_smaller"}) {
        const Attributes how{{"keep_aspect_ratio_policy", policy}, {"axes", IntList{2, 3}}, {"mode", Text("linear")}};
        cases.push_back({"Resize", 18, how, x, {{}, {}, integers({9, 9})}});
    }
    const Attributes crop{{"mode", Text("linear")},
                          {"coordinate_transformation_mode", Text("tf_crop_and_resize")},
                          {"extrapolation_value", 10.0F}};
    cases.push_back({"Resize", 13, crop, x, {floats({0, 0, 0.4F, 0.6F, 1, 1, 1.2F, 1.7F}), {}, sizes(3, 3)}});
    for (const Text mode : {"nearest", "linear"}) {
        const Tensor twice = floats({1, 1, 2, 3});
        cases.push_back({"Resize", 10, {{"mode", mode}}, x, {twice}});
        cases.push_back({"Upsample", 9, {{"mode", mode}}, x, {twice}});
        cases.push_back({"Upsample", 7, {{"mode", mode}, {"scales", std::vector<float>{1, 1, 2, 3}}}, x});
    }
    return cases;
}

std::vector<Case> other_cases() {
    const Tensor x = noise({2, 6, 5, 7}), channels = noise({6}, 2, 0.5, 1.5), shifts = noise({6}, 3);
    const IntList two{2, 2}, three{3, 3};
    const Tensor tuples = Tensor::of<Int>({3, 2}, {0, 1, 1, -1, 0, 0});
    const Tensor places = Tensor::of<Int>({2, 3}, {0, 3, -1, 2, 1, 0});
    std::vector<Case> cases{
        {"GroupNormalization", 18, {{"num_groups", Int{3}}}, x, {noise({3}, 2), noise({3}, 3)}},
        {"GroupNormalization", 21, {{"num_groups", Int{3}}}, x, {channels, shifts}},
        {"RMSNormalization", 23, {{"axis", Int{-1}}}, x, {noise({7}, 4)}},
        {"LpNormalization", 1, {{"axis", Int{1}}, {"p", Int{1}}}, x},
        {"LpNormalization", 1, {{"axis", Int{1}}}, x},
        {"MeanVarianceNormalization", 13, {{"axes", IntList{2, 3}}}, x},
        {"LpPool", 11, {{"kernel_shape", three}, {"strides", two}, {"pads", IntList{1, 1, 1, 1}}}, x},
        {"LpPool", 11, {{"kernel_shape", three}, {"p", Int{3}}, {"auto_pad", Text("SAME_UPPER")}}, x},
        {"LpPool", 18, {{"kernel_shape", two}, {"dilations", two}, {"p", Int{1}}}, x},
        {"GlobalLpPool", 2, {}, x},
        {"GlobalLpPool", 2, {{"p", Int{3}}}, x},
        {"AveragePool", 19, {{"kernel_shape", two}, {"dilations", two}, {"pads", IntList{1, 1, 1, 1}}}, x},
        {"Gelu", 20, {}, x},
        {"Gelu", 20, {{"approximate", Text("tanh")}}, x},
        {"Mish", 18, {}, x},
        {"Swish", 24, {{"alpha", 1.5F}}, x},
        {"Shrink", 9, {{"lambd", 0.3F}, {"bias", 0.1F}}, x},
        {"PRelu", 9, {}, x, {noise({6, 1, 1}, 2)}},
        {"Einsum", 12, {{"equation", Text("bchw,cd->bdhw")}}, x, {noise({6, 4}, 2)}},
        {"CumSum", 14, {{"exclusive", Int{1}}, {"reverse", Int{1}}}, x, {Tensor::scalar(Int{1})}},
        {"Trilu", 14, {{"upper", Int{0}}}, x, {Tensor::scalar(Int{-1})}},
        {"GatherND", 12, {{"batch_dims", Int{1}}}, x, {Tensor::of<Int>({2, 2, 1}, {0, 5, -1, 2})}},
        {"GatherND", 12, {}, x, {tuples}},
        {"Pad", 19, {{"mode", Text("wrap")}}, x, {integers({0, 0, 1, 2, 0, 0, 3, 0})}},
        {"GridSample", 16, {{"mode", Text("bicubic")}, {"padding_mode", Text("border")}}, x, {noise({2, 3, 4, 2}, 5)}},
        {"GridSample", 20, {{"align_corners", Int{1}}}, x, {noise({2, 3, 4, 2}, 5, -1.2, 1.2)}},
        {"AffineGrid", 20, {{"align_corners", Int{1}}}, noise({2, 2, 3}), {integers({2, 1, 3, 4})}},
    };
    const Tensor tokens = noise({2, 5, 8});
    const auto of_tokens = [](Int heads, Int shared) {
        return Attributes{{"q_num_heads", heads}, {"kv_num_heads", shared}};
    };
    cases.push_back({"Attention", 23, of_tokens(4, 4), tokens, {noise({2, 6, 8}, 2), noise({2, 6, 8}, 3)}});
    cases.push_back(
        {"Attention", 23, of_tokens(4, 2), tokens, {noise({2, 6, 4}, 2), noise({2, 6, 4}, 3), noise({5, 6}, 4)}});
    cases.push_back({"Attention",
                     23,
                     {{"is_causal", Int{1}}, {"scale", 0.3F}},
                     noise({2, 3, 5, 4}),
                     {noise({2, 3, 5, 4}, 2), noise({2, 3, 5, 4}, 3)}});
    for (const Text reduction : {"none", "add", "mul", "max", "min"}) {
        cases.push_back({"ScatterND", 18, {{"reduction", reduction}}, x, {tuples, noise({3, 5, 7}, 6)}});
        cases.push_back({"ScatterElements",
                         18,
                         {{"reduction", reduction}, {"axis", Int{1}}},
                         noise({2, 4}),
                         {places, noise({2, 3}, 6)}});
    }
    return cases;
}

/// The largest difference from ONNX Runtime's output, as a share of its largest value (1 at least).
double difference(const Case& c, at::ScalarType type) {
    const model::Model m = model_of(c);
    const Tensor expected = runtime::Session(m, {.threads = 1}).run({{"x", c.x}}, {"y"}).at(0);
    const at::Tensor got = Executor(m, type).run(to_torch(c.x).to(type), "y");
    EXPECT_EQ(got.scalar_type(), type);
    EXPECT_EQ(got.sizes().vec(), expected.shape());
    if (got.sizes().vec() != expected.shape()) return 1;
    const at::Tensor wanted = to_torch(expected).to(at::kDouble);
    return ((got.to(at::kDouble) - wanted).abs().max() / wanted.abs().max().clamp_min(1)).item<double>();
}

/// Largest difference between the derivative along a random direction and its central difference.
double gradient_error(const Case& c) {
    const Executor executor(model_of(c), at::kDouble);
    const at::Tensor x = to_torch(c.x).to(at::kDouble), direction = to_torch(noise(c.x.shape(), 8)).to(at::kDouble);
    const auto loss = [&](const at::Tensor& at) {
        Pass pass;
        return executor.run({{"x", at}}, {"y"}, pass)[0].sin().sum();
    };
    const at::Tensor leaf = x.clone().requires_grad_(true);
    const double found = (torch::autograd::grad({loss(leaf)}, {leaf})[0] * direction).sum().item<double>();
    const double h = 1e-6;
    const double expected = (loss(x + h * direction) - loss(x - h * direction)).item<double>() / (2 * h);
    return std::abs(found - expected) / std::max(1.0, std::abs(expected));
}

void check(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
        SCOPED_TRACE(c.description());
        try {
            EXPECT_LT(difference(c, at::kFloat), 1e-5);
            EXPECT_LT(difference(c, at::kDouble), 1e-5);
            EXPECT_LT(gradient_error(c), 1e-5);
        } catch (const std::exception& error) {
            ADD_FAILURE() << error.what();
        }
    }
}

TEST(Operators, ResizeAgreesWithOnnxRuntimeInAllItsModes) { check(resize_cases()); }

TEST(Operators, NewerOnesAgreeWithOnnxRuntime) { check(other_cases()); }

/// x quantized to int8 with a step of 0.1, and back.
TEST(Operators, GradientsPassQuantizationWithinItsRange) {
    model::Model m =
        model_of({"QuantizeLinear", 13, {}, noise({4}), {Tensor::scalar(0.1F), Tensor::of<std::int8_t>({}, {3})}});
    m.graph.nodes[0].outputs = {"q"};
    m.graph.nodes.push_back({"DequantizeLinear", {"q", "c0", "c1"}, {"y"}, {}, "back", "", ""});
    const at::Tensor x = at::tensor({0.234, -0.251, 12.3, 12.5}, at::kDouble).requires_grad_(true);
    Pass pass;
    const at::Tensor y = Executor(m, at::kDouble).run({{"x", x}}, {"y"}, pass)[0];
    // 127 - 3 = 124 steps of 0.1 are the most.
    EXPECT_TRUE(at::allclose(y, at::tensor({0.2, -0.3, 12.3, 12.4}, at::kDouble), 1e-6));
    const at::Tensor gradient = torch::autograd::grad({y.sum()}, {x})[0];
    EXPECT_TRUE(at::allclose(gradient, at::tensor({1.0, 1.0, 1.0, 0.0}, at::kDouble), 1e-6)) << gradient;
}

TEST(Operators, NormsOfZerosHaveGradientsThatAreNumbers) {
    for (const auto& [op_type, attributes] :
         std::vector<std::pair<Text, Attributes>>{{"LpPool", {{"kernel_shape", IntList{2, 2}}}},
                                                  {"GlobalLpPool", {}},
                                                  {"LpNormalization", {{"axis", Int{1}}}},
                                                  {"ReduceL2", {}}}) {
        const Case c{op_type, 11, attributes, Tensor(DataType::float32, {1, 2, 4, 4})};
        const at::Tensor x = to_torch(c.x).requires_grad_(true);
        Pass pass;
        const at::Tensor y = Executor(model_of(c), at::kFloat).run({{"x", x}}, {"y"}, pass)[0];
        EXPECT_TRUE(torch::autograd::grad({y.sum()}, {x})[0].isfinite().all().item<bool>()) << op_type;
    }
}

TEST(Operators, ExtremesOfNothingAreBeyondAllNumbers) {
    const auto run = [](const Text& op_type) {
        const Case c{op_type, 20, {}, Tensor(DataType::float32, {2, 0, 3}), {integers({1})}};
        return Executor(model_of(c), at::kFloat).run(to_torch(c.x), "y");
    };
    constexpr double infinity = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(at::equal(run("ReduceMax"), at::full({2, 1, 3}, -infinity, at::kFloat)));
    EXPECT_TRUE(at::equal(run("ReduceMin"), at::full({2, 1, 3}, infinity, at::kFloat)));
}

TEST(Operators, BitsAreCombined) {
    const auto run = [](const Text& op_type, std::vector<std::optional<Tensor>> others) {
        const Case c{op_type, 18, {}, Tensor::of<std::int32_t>({3}, {12, 10, -1}), std::move(others)};
        return Executor(model_of(c), at::kFloat).run(to_torch(c.x), "y");
    };
    const Tensor ten = Tensor::of<std::int32_t>({1}, {10});
    EXPECT_TRUE(at::equal(run("BitwiseAnd", {ten}), at::tensor({8, 10, 10}, at::kInt)));
    EXPECT_TRUE(at::equal(run("BitwiseOr", {ten}), at::tensor({14, 10, -1}, at::kInt)));
    EXPECT_TRUE(at::equal(run("BitwiseXor", {ten}), at::tensor({6, 0, -11}, at::kInt)));
    EXPECT_TRUE(at::equal(run("BitwiseNot", {}), at::tensor({-13, -11, 0}, at::kInt)));
}

TEST(Operators, OldOperandsStandWhereTheirAxisSays) {
    const Case c{"Add", 6, {{"broadcast", Int{1}}, {"axis", Int{1}}}, noise({2, 3, 4, 5}), {noise({3}, 2)}};
    const at::Tensor y = Executor(model_of(c), at::kFloat).run(to_torch(c.x), "y");
    EXPECT_TRUE(at::equal(y, to_torch(c.x) + to_torch(*c.constants[0]).reshape({3, 1, 1})));
}

TEST(Operators, NetworksOfHalvesAreComputedInFloats) {
    Case c{"Conv", 13, {}, noise({1, 2, 4, 4}).to(DataType::float16), {noise({3, 2, 3, 3}, 2).to(DataType::float16)}};
    Executor executor(model_of(c), at::kFloat);
    const at::Tensor y = executor.run(to_torch(c.x), "y");
    EXPECT_EQ(y.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(y, at::conv2d(to_torch(c.x).to(at::kFloat), to_torch(*c.constants[0]).to(at::kFloat))));
    ASSERT_EQ(executor.parameters().size(), 1U);
    model::Model stored = model_of(c);
    executor.store(stored);
    EXPECT_EQ(stored.graph.initializers.at("c0").type(), DataType::float16);
}

TEST(Operators, ModesThatAreUnknownAreNamedWithTheNode) {
    const Case c{"Resize", 13, {{"mode", Text("lanczos")}}, noise({1, 1, 2, 2}), {{}, {}, integers({1, 1, 3, 3})}};
    const Text sentence = error_of([&] { Executor(model_of(c), at::kFloat).run(to_torch(c.x), "y"); });
    EXPECT_THAT(sentence, HasSubstr("'node' (Resize): mode 'lanczos'"));
}

}  // namespace
}  // namespace locus::train
