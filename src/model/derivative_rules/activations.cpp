// Activations, and what else works on each element by itself. At kinks as PyTorch does: Relu at 0 gives 0, LeakyRelu
// the slope, Clip at its bounds 0 (as relu6).

#include <cmath>
#include <numbers>

#include "model/derivative_rules/rule.hpp"
#include "model/first_number.hpp"

namespace locus::model {
namespace {

Value exp(const Value& x) { return unary("Exp", x); }
Value abs(const Value& x) { return unary("Abs", x); }
Value sigmoid(const Value& x) { return unary("Sigmoid", x); }
Value tanh(const Value& x) { return unary("Tanh", x); }
Value sqrt(const Value& x) { return unary("Sqrt", x); }

/// Multiplies the gradient by the derivative at each element. A channel scale passes.
void chain(RuleContext& node, const Value& derivative) {
    Gradient gradient = node.scaled_gradient();
    gradient.value = gradient.value * derivative;
    node.give(0, std::move(gradient));
}

void identity(RuleContext& node) { node.give(0, node.deferred_gradient()); }

/// Piecewise constant: the derivative is 0 wherever there is one.
void nothing(RuleContext&) {}

void relu(RuleContext& node) {
    const auto rule = node.options().relu;
    // The mask is read off the output, so that the runtime may still fuse Relu into what is before it.
    if (rule == ReluRule::gradient) return chain(node, above(node.output(), 0));
    const Value positive = unary("Relu", node.compact_gradient());
    node.give(0, rule == ReluRule::deconvnet ? positive : positive * above(node.output(), 0));
}

void leaky_relu(RuleContext& node) {
    const Value x = node.input();
    const double alpha = node.node().float_or("alpha", 0.01F);
    chain(node, above(x, 0) * (1 - alpha) + alpha);
}

void prelu(RuleContext& node) {
    const Value x = node.input(), slope = node.input(1);
    const Value positive = above(x, 0);
    if (node.wants(0)) chain(node, positive + (1.0 - positive) * slope);
    if (node.wants(1)) node.give_broadcast(1, node.gradient() * x * (1.0 - positive));
}

void elu(RuleContext& node) {
    const Value y = node.output();
    const double alpha = node.node().float_or("alpha", 1.0F);
    chain(node, where(greater(node.input(), 0), y.emitter().number(1, y.type()), y + alpha));
}

void celu(RuleContext& node) {
    const Value x = node.input();
    const double alpha = node.node().float_or("alpha", 1.0F);
    chain(node, exp(node.emit().node("Min", {x, x.emitter().number(0, x.type())}) / alpha));
}

void selu(RuleContext& node) {
    const Value y = node.output();
    const double alpha = node.node().float_or("alpha", 1.67326319217681884765625F),
                 gamma = node.node().float_or("gamma", 1.05070102214813232421875F);
    chain(node, where(greater(node.input(), 0), y.emitter().number(gamma, y.type()), y + alpha * gamma));
}

void thresholded_relu(RuleContext& node) { chain(node, above(node.input(), node.node().float_or("alpha", 1.0F))); }

/// Strictly between the bounds. Read off the output, as for Relu: inside, it is the input.
void clip(RuleContext& node) {
    for (const std::size_t bound : {1U, 2U}) {
        if (node.has_input(bound) && node.wants(bound)) node.unsupported("a bound depends on the layer asked for");
    }
    const Value y = node.output();
    const auto number = [](const Value& bound) {
        const Tensor* known = bound.known();
        return known == nullptr ? std::optional<double>() : first_number(*known);
    };
    Value inside;
    if (node.has_input(1)) {
        const auto low = number(node.input(1));
        inside = low ? above(y, *low) : indicator(greater(y, node.input(1)), y.type());
    }
    if (node.has_input(2)) {
        const auto high = number(node.input(2));
        const Value under = high ? below(y, *high) : indicator(less(y, node.input(2)), y.type());
        inside = inside ? inside * under : under;
    }
    inside ? chain(node, inside) : identity(node);
}

void sigmoid_rule(RuleContext& node) {
    const Value y = node.output();
    chain(node, y * (1.0 - y));
}

void hard_sigmoid(RuleContext& node) {
    const Value y = node.output();
    chain(node, above(y, 0) * below(y, 1) * static_cast<double>(node.node().float_or("alpha", 0.2F)));
}

/// x * clip(x / 6 + 1/2, 0, 1): 0 up to -3, x / 3 + 1/2 between, 1 from 3 on.
void hard_swish(RuleContext& node) {
    const Value x = node.input();
    const Value inner = x / 3.0 + 0.5;
    chain(node, where(less(x, 3), inner, x.emitter().number(1, x.type())) * above(x, -3));
}

/// x tanh(softplus(x))
void mish(RuleContext& node) {
    const Value x = node.input();
    const Value t = tanh(unary("Softplus", x));
    chain(node, t + x * (1.0 - t * t) * sigmoid(x));
}

/// x sigmoid(alpha x)
void swish(RuleContext& node) {
    const double alpha = node.node().float_or("alpha", 1.0F);
    const Value x = node.input(), s = sigmoid(x * alpha);
    chain(node, s + node.output() * (1.0 - s) * alpha);
}

void tanh_rule(RuleContext& node) {
    const Value y = node.output();
    chain(node, 1.0 - y * y);
}

void softplus(RuleContext& node) { chain(node, sigmoid(node.input())); }

void softsign(RuleContext& node) {
    const Value d = abs(node.input()) + 1.0;
    chain(node, 1.0 / (d * d));
}

void erf(RuleContext& node) {
    const Value x = node.input();
    chain(node, exp(-(x * x)) * (2 * std::numbers::inv_sqrtpi));
}

void gelu(RuleContext& node) {
    const Value x = node.input();
    if (node.node().string_or("approximate", "none") == "tanh") {
        const double c = std::sqrt(2 * std::numbers::inv_pi), cubic = 0.044715;
        const Value t = tanh((x + x * x * x * cubic) * c);
        return chain(node, (t + 1.0) * 0.5 + x * (1.0 - t * t) * (x * x * (3 * cubic) + 1.0) * (0.5 * c));
    }
    const Value phi = (unary("Erf", x * (1 / std::numbers::sqrt2)) + 1.0) * 0.5;
    chain(node, phi + x * exp(x * x * -0.5) * (std::numbers::inv_sqrtpi / std::numbers::sqrt2));
}

void exp_rule(RuleContext& node) { chain(node, node.output()); }
void log(RuleContext& node) { chain(node, unary("Reciprocal", node.input())); }
void sqrt_rule(RuleContext& node) { chain(node, 0.5 / node.output()); }
void reciprocal(RuleContext& node) { chain(node, -(node.output() * node.output())); }
void abs_rule(RuleContext& node) { chain(node, unary("Sign", node.input())); }
void neg(RuleContext& node) {
    Gradient gradient = node.scaled_gradient();
    gradient.value = -gradient.value;
    node.give(0, std::move(gradient));
}

void sin(RuleContext& node) { chain(node, unary("Cos", node.input())); }
void cos(RuleContext& node) { chain(node, -unary("Sin", node.input())); }
void tan(RuleContext& node) { chain(node, node.output() * node.output() + 1.0); }
void sinh(RuleContext& node) { chain(node, unary("Cosh", node.input())); }
void cosh(RuleContext& node) { chain(node, unary("Sinh", node.input())); }
void asin(RuleContext& node) { chain(node, 1.0 / sqrt(1.0 - node.input() * node.input())); }
void acos(RuleContext& node) { chain(node, -1.0 / sqrt(1.0 - node.input() * node.input())); }
void atan(RuleContext& node) { chain(node, 1.0 / (node.input() * node.input() + 1.0)); }
void asinh(RuleContext& node) { chain(node, 1.0 / sqrt(node.input() * node.input() + 1.0)); }
void acosh(RuleContext& node) { chain(node, 1.0 / sqrt(node.input() * node.input() - 1.0)); }
void atanh(RuleContext& node) { chain(node, 1.0 / (1.0 - node.input() * node.input())); }

void dropout(RuleContext& node) {
    if (node.has_input(2) && !(node.has_input(1) && first_number(node.constant(1, "ratio")) == 0)) {
        const Tensor& training = node.constant(2, "training_mode");
        if (first_number(training) != 0) node.unsupported("it is in training mode");
    }
    identity(node);
}

void cast_rule(RuleContext& node) {
    Gradient gradient = node.scaled_gradient();
    gradient.value = cast(gradient.value, node.input().type());
    node.give(0, std::move(gradient));
}

}  // namespace

const RuleTable& activation_rules() {
    static const RuleTable table{
        {"Abs", abs_rule},
        {"Acos", acos},
        {"Acosh", acosh},
        {"Asin", asin},
        {"Asinh", asinh},
        {"Atan", atan},
        {"Atanh", atanh},
        {"Cast", cast_rule},
        {"CastLike", cast_rule},
        {"Ceil", nothing},
        {"Celu", celu},
        {"Clip", clip},
        {"Cos", cos},
        {"Cosh", cosh},
        {"Dropout", dropout},
        {"Elu", elu},
        {"Erf", erf},
        {"Exp", exp_rule},
        {"Floor", nothing},
        {"Gelu", gelu},
        {"HardSigmoid", hard_sigmoid},
        {"HardSwish", hard_swish},
        {"Identity", identity},
        {"LeakyRelu", leaky_relu},
        {"Log", log},
        {"Mish", mish},
        {"Neg", neg},
        {"PRelu", prelu},
        {"Reciprocal", reciprocal},
        {"Relu", relu},
        {"Round", nothing},
        {"Selu", selu},
        {"Sigmoid", sigmoid_rule},
        {"Sign", nothing},
        {"Sin", sin},
        {"Sinh", sinh},
        {"Softplus", softplus},
        {"Softsign", softsign},
        {"Sqrt", sqrt_rule},
        {"Swish", swish},
        {"Tan", tan},
        {"Tanh", tanh_rule},
        {"ThresholdedRelu", thresholded_relu},
    };
    return table;
}

}  // namespace locus::model
