// Arithmetic on tensors that are broadcast to one another, and choices between them.

#include <vector>

#include "model/derivative_rules/rule.hpp"
#include "model/first_number.hpp"

namespace locus::model {
namespace {

/// Lets the gradient pass to input i, times `factor`: with all that is put off where nothing was broadcast.
void pass(RuleContext& node, std::size_t i, double factor = 1) {
    if (!node.wants(i)) return;
    if (factor == 1 && node.input(i).shape() == node.output().shape()) return node.give(i, node.deferred_gradient());
    node.give_broadcast(i, node.compact_gradient() * factor);
}

void sum(RuleContext& node) {
    for (std::size_t i = 0; i < node.inputs(); ++i) pass(node, i);
}

void mean(RuleContext& node) {
    for (std::size_t i = 0; i < node.inputs(); ++i) pass(node, i, 1.0 / static_cast<double>(node.inputs()));
}

void subtract(RuleContext& node) {
    pass(node, 0);
    pass(node, 1, -1);
}

void multiply(RuleContext& node) {
    // A compact gradient times a factor as large as the output is right as it is.
    if (node.wants(0)) node.give_broadcast(0, node.compact_gradient() * node.input(1));
    if (node.wants(1)) node.give_broadcast(1, node.compact_gradient() * node.input(0));
}

void divide(RuleContext& node) {
    const Value b = node.input(1);
    if (node.wants(0)) node.give_broadcast(0, node.compact_gradient() / b);
    if (node.wants(1)) node.give_broadcast(1, -(node.compact_gradient() * node.output() / b));
}

void power_rule(RuleContext& node) {
    const Value x = node.input(0), p = node.input(1), g = node.compact_gradient();
    if (node.wants(0)) {
        const Tensor* known = p.known();
        if (known != nullptr && known->size() == 1) {
            const double exponent = first_number(*known);
            if (exponent != 0) node.give_broadcast(0, g * power(x, exponent - 1) * exponent);
        } else {
            const Value q = cast(p, x.type());
            node.give_broadcast(0, g * q * node.emit().node("Pow", {x, q - 1.0}));
        }
    }
    if (node.wants(1)) {
        // d x^p / dp = x^p log x, and 0 at x = 0.
        const Value safe = where(greater(x, 0), x, x.emitter().number(1, x.type()));
        node.give_broadcast(1, cast(g * node.output() * unary("Log", safe), p.type()));
    }
}

/// Min, Max: to the inputs that reach the extreme, shared equally where several do.
void extreme(RuleContext& node) {
    if (node.inputs() == 1) return node.give(0, node.gradient());
    const Value y = node.output();
    std::vector<Value> reached;
    Value count;
    for (std::size_t i = 0; i < node.inputs(); ++i) {
        reached.push_back(indicator(equal(node.input(i), y), y.type()));
        count = count ? count + reached.back() : reached.back();
    }
    const Value share = node.gradient() / count;
    for (std::size_t i = 0; i < node.inputs(); ++i) {
        if (node.wants(i)) node.give_broadcast(i, share * reached[i]);
    }
}

void where_rule(RuleContext& node) {
    const Value condition = node.input(0), g = node.gradient();
    const Value zero = node.emit().number(0, g.type());
    if (node.wants(1)) node.give_broadcast(1, where(condition, g, zero));
    if (node.wants(2)) node.give_broadcast(2, where(condition, zero, g));
}

/// a - b floor(a / b): smooth in a away from the jumps.
void modulo(RuleContext& node) {
    pass(node, 0);
    if (node.wants(1)) node.unsupported("the divisor depends on the input");
}

}  // namespace

const RuleTable& arithmetic_rules() {
    static const RuleTable table{
        {"Add", sum},      {"Div", divide}, {"Max", extreme},      {"Mean", mean},
        {"Min", extreme},  {"Mod", modulo}, {"Mul", multiply},     {"Pow", power_rule},
        {"Sub", subtract}, {"Sum", sum},    {"Where", where_rule},
    };
    return table;
}

}  // namespace locus::model
