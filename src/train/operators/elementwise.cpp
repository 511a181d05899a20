/// Element by element operators and activations.

#include <algorithm>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"

namespace locus::train {

namespace {

Tensors relu(Call& call) {
    at::Tensor x = call.input(0);
    return {call.may_overwrite ? x.relu_() : x.relu()};
}

/// The second operand. Before opset 7 its first dimension may stand at `axis` of the first operand's.
at::Tensor second(const Call& call) {
    const at::Tensor &x = call.input(0), &y = call.input(1);
    if (call.opset >= 7 || !call.node.has("axis") || y.dim() == 0) return y;
    const std::int64_t behind = x.dim() - positive_axis(call, call.node.int_or("axis", 0), x.dim()) - y.dim();
    std::vector<std::int64_t> shape = y.sizes().vec();
    shape.resize(shape.size() + static_cast<std::size_t>(std::max<std::int64_t>(behind, 0)), 1);
    return y.reshape(shape);
}

Tensors add(Call& call) {
    at::Tensor x = call.input(0);
    const at::Tensor y = second(call);
    if (call.may_overwrite && x.sizes() == y.sizes()) return {x.add_(y)};
    return {x + y};
}

/// Operators of one and two inputs that LibTorch has as they are.
template <at::Tensor (*function)(const at::Tensor&)> Tensors unary(Call& call) { return {function(call.input(0))}; }
template <at::Tensor (*function)(const at::Tensor&, const at::Tensor&)> Tensors binary(Call& call) {
    return {function(call.input(0), second(call))};
}

at::Tensor multiply(const at::Tensor& a, const at::Tensor& b) { return a * b; }
at::Tensor power(const at::Tensor& a, const at::Tensor& b) {
    return at::pow(a, b.to(a.scalar_type())).to(a.scalar_type());
}
at::Tensor identity_of(const at::Tensor& x) { return x; }
at::Tensor softplus_of(const at::Tensor& x) { return at::logaddexp(x, at::zeros({}, x.options())); }
at::Tensor softsign_of(const at::Tensor& x) { return x / (1 + x.abs()); }
at::Tensor mish_of(const at::Tensor& x) { return x * at::tanh(softplus_of(x)); }
at::Tensor hard_swish_of(const at::Tensor& x) { return x * at::clamp(x / 6 + 0.5, 0, 1); }

Tensors subtract(Call& call) { return {call.input(0) - second(call)}; }

/// Integers are divided as C++ does, towards zero.
Tensors divide(Call& call) {
    const at::Tensor& a = call.input(0);
    if (at::isIntegralType(a.scalar_type(), false)) return {at::div(a, second(call), "trunc")};
    return {a / second(call)};
}

Tensors clip(Call& call) {
    at::Tensor x = call.input(0);
    if (call.opset < 11) {
        constexpr float most = std::numeric_limits<float>::max();
        return {at::clamp(x, call.node.float_or("min", -most), call.node.float_or("max", most))};
    }
    if (call.has(1))
        x = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble
                ? at::clamp_min(x, call.input(1).item<double>())
                : at::clamp_min(x, call.input(1).item());
    if (call.has(2))
        x = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble
                ? at::clamp_max(x, call.input(2).item<double>())
                : at::clamp_max(x, call.input(2).item());
    return {x};
}

Tensors elu(Call& call) { return {at::elu(call.input(0), call.node.float_or("alpha", 1))}; }
Tensors celu(Call& call) {
    const double alpha = call.node.float_or("alpha", 1);
    const at::Tensor& x = call.input(0);
    return {at::clamp_min(x, 0) + at::clamp_max(alpha * at::expm1(x / alpha), 0)};
}
Tensors selu(Call& call) {
    const double alpha = call.node.float_or("alpha", 1.67326319217681884765625F);
    const double gamma = call.node.float_or("gamma", 1.05070102214813232421875F);
    return {at::elu(call.input(0), alpha) * gamma};
}
Tensors leaky_relu(Call& call) { return {at::leaky_relu(call.input(0), call.node.float_or("alpha", 0.01F))}; }
Tensors thresholded_relu(Call& call) { return {at::threshold(call.input(0), call.node.float_or("alpha", 1), 0)}; }
Tensors hard_sigmoid(Call& call) {
    return {at::clamp(call.input(0) * call.node.float_or("alpha", 0.2F) + call.node.float_or("beta", 0.5F), 0, 1)};
}
Tensors shrink(Call& call) {
    const at::Tensor& x = call.input(0);
    const double least = call.node.float_or("lambd", 0.5F), bias = call.node.float_or("bias", 0);
    const at::Tensor moved = at::where(x < -least, x + bias, x - bias).to(x.scalar_type());
    return {at::where(x.abs() > least, moved, at::zeros_like(x))};
}
Tensors swish(Call& call) {
    const at::Tensor& x = call.input(0);
    return {x * at::sigmoid(x * call.node.float_or("alpha", 1))};
}
Tensors gelu(Call& call) { return {at::gelu(call.input(0), call.node.string_or("approximate", "none"))}; }

Tensors prelu(Call& call) {
    const at::Tensor& x = call.input(0);
    at::Tensor slope = call.input(1);
    if (call.opset < 7 && slope.dim() == 1 && x.dim() > 2) {  // a slope for each channel
        std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()) - 1, 1);
        shape[0] = slope.numel();
        slope = slope.reshape(shape);
    }
    return {at::clamp_min(x, 0) + slope * at::clamp_max(x, 0)};
}

template <at::Tensor (*function)(const at::Tensor&, const at::Tensor&)> Tensors fold(Call& call) {
    at::Tensor result = call.input(0);
    for (std::size_t i = 1; i < call.inputs.size(); ++i) result = function(result, call.input(i));
    return {result};
}
at::Tensor plus(const at::Tensor& a, const at::Tensor& b) { return a + b; }
Tensors mean(Call& call) { return {fold<plus>(call)[0] / static_cast<double>(call.inputs.size())}; }

/// Of integers the sign is the divisor's, as in Python; with `fmod` the dividend's, as in C.
Tensors modulo(Call& call) {
    const at::Tensor &a = call.input(0), &b = call.input(1);
    return {call.node.int_or("fmod", 0) ? at::fmod(a, b) : at::remainder(a, b)};
}

Tensors bit_shift(Call& call) {
    const bool left = call.node.string_or("direction", "LEFT") == "LEFT";
    return {left ? at::bitwise_left_shift(call.input(0), call.input(1))
                 : at::bitwise_right_shift(call.input(0), call.input(1))};
}

Tensors is_infinite(Call& call) {
    const at::Tensor& x = call.input(0);
    const bool below = call.node.int_or("detect_negative", 1) != 0, above = call.node.int_or("detect_positive", 1) != 0;
    if (below && above) return {at::isinf(x)};
    if (!below && !above) return {at::zeros(x.sizes(), at::kBool)};
    return {above ? at::isposinf(x) : at::isneginf(x)};
}

Tensors where(Call& call) { return {at::where(call.input(0), call.input(1), call.input(2))}; }

Tensors dropout(Call& call) {
    const at::Tensor& x = call.input(0);
    const double ratio = call.has(1) ? call.input(1).item<double>() : call.node.float_or("ratio", 0.5F);
    // An exported network drops only while it is trained; what its file says of training mode is about its exporter.
    if (!call.training || ratio <= 0) return {x, at::ones(x.sizes(), x.options().dtype(at::kBool))};
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(call.random_seed);
    const at::Tensor kept = at::empty(x.sizes(), x.options().requires_grad(false)).bernoulli_(1 - ratio, generator);
    return {x * (kept / (1 - ratio)), kept.to(at::kBool)};
}

}  // namespace

const OperatorTable& elementwise_operators() {
    static const OperatorTable table{
        {"Abs", unary<at::abs>},
        {"Acos", unary<at::acos>},
        {"Acosh", unary<at::acosh>},
        {"Add", add},
        {"And", binary<at::logical_and>},
        {"Asin", unary<at::asin>},
        {"Asinh", unary<at::asinh>},
        {"Atan", unary<at::atan>},
        {"Atanh", unary<at::atanh>},
        {"BitShift", bit_shift},
        {"BitwiseAnd", binary<at::bitwise_and>},
        {"BitwiseNot", unary<at::bitwise_not>},
        {"BitwiseOr", binary<at::bitwise_or>},
        {"BitwiseXor", binary<at::bitwise_xor>},
        {"Ceil", unary<at::ceil>},
        {"Celu", celu},
        {"Clip", clip},
        {"Cos", unary<at::cos>},
        {"Cosh", unary<at::cosh>},
        {"Div", divide},
        {"Dropout", dropout},
        {"Elu", elu},
        {"Equal", binary<at::eq>},
        {"Erf", unary<at::erf>},
        {"Exp", unary<at::exp>},
        {"Floor", unary<at::floor>},
        {"Gelu", gelu},
        {"Greater", binary<at::gt>},
        {"GreaterOrEqual", binary<at::ge>},
        {"HardSigmoid", hard_sigmoid},
        {"HardSwish", unary<hard_swish_of>},
        {"Identity", unary<identity_of>},
        {"IsInf", is_infinite},
        {"IsNaN", unary<at::isnan>},
        {"LeakyRelu", leaky_relu},
        {"Less", binary<at::lt>},
        {"LessOrEqual", binary<at::le>},
        {"Log", unary<at::log>},
        {"Max", fold<at::maximum>},
        {"Mean", mean},
        {"Min", fold<at::minimum>},
        {"Mish", unary<mish_of>},
        {"Mod", modulo},
        {"Mul", binary<multiply>},
        {"Neg", unary<at::neg>},
        {"Not", unary<at::logical_not>},
        {"Or", binary<at::logical_or>},
        {"PRelu", prelu},
        {"Pow", binary<power>},
        {"Reciprocal", unary<at::reciprocal>},
        {"Relu", relu},
        {"Round", unary<at::round>},
        {"Selu", selu},
        {"Shrink", shrink},
        {"Sigmoid", unary<at::sigmoid>},
        {"Sign", unary<at::sign>},
        {"Sin", unary<at::sin>},
        {"Sinh", unary<at::sinh>},
        {"Softplus", unary<softplus_of>},
        {"Softsign", unary<softsign_of>},
        {"Sqrt", unary<at::sqrt>},
        {"Sub", subtract},
        {"Sum", fold<plus>},
        {"Swish", swish},
        {"Tan", unary<at::tan>},
        {"Tanh", unary<at::tanh>},
        {"ThresholdedRelu", thresholded_relu},
        {"Where", where},
        {"Xor", binary<at::logical_xor>},
    };
    return table;
}

}  // namespace locus::train
