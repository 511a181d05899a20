// Sums, means, extremes and norms over axes.

#include <algorithm>
#include <numeric>

#include "model/derivative_rules/rule.hpp"

namespace locus::model {
namespace {

struct Reduction {
    Ints axes;
    bool keep = true;
    bool nothing = false;  ///< no axes given, and that means none
};

Reduction read(RuleContext& node) {
    Reduction reduction;
    reduction.keep = node.node().int_or("keepdims", 1) != 0;
    reduction.axes = node.has_input(1) ? node.constant_ints(1, "axes") : node.node().ints_or("axes", {});
    const auto rank = node.input().rank();
    if (reduction.axes.empty()) {
        if (node.node().int_or("noop_with_empty_axes", 0) != 0) {
            reduction.nothing = true;
            return reduction;
        }
        reduction.axes.resize(rank);
        std::iota(reduction.axes.begin(), reduction.axes.end(), 0);
    }
    for (auto& axis : reduction.axes) axis = positive_axis(axis, rank);
    std::sort(reduction.axes.begin(), reduction.axes.end());
    return reduction;
}

/// A tensor shaped like the output, with 1 where axes were reduced.
Value kept(const Value& x, const Reduction& reduction) { return reduction.keep ? x : unsqueeze(x, reduction.axes); }

/// Element count of the reduced axes.
double count(RuleContext& node, const Reduction& reduction) {
    const Shape shape = node.input().shape();
    std::int64_t count = 1;
    for (const auto axis : reduction.axes) {
        if (shape[axis] < 0) node.unsupported("it averages over the batch");
        count *= shape[axis];
    }
    return static_cast<double>(count);
}

void reduce_sum_rule(RuleContext& node) {
    const auto reduction = read(node);
    // The same number along all that was summed: a gradient with 1 there.
    node.give(0, reduction.nothing ? node.gradient() : kept(node.gradient(), reduction));
}

void reduce_mean_rule(RuleContext& node) {
    const auto reduction = read(node);
    node.give(0, reduction.nothing ? node.gradient() : kept(node.gradient(), reduction) / count(node, reduction));
}

/// Shared equally among the elements that reach the extreme, as torch.amax does.
void extreme(RuleContext& node) {
    const auto reduction = read(node);
    const Value x = node.input();
    if (reduction.nothing) return node.give(0, node.gradient());
    const Value reached = indicator(equal(x, kept(node.output(), reduction)), x.type());
    node.give(0, kept(node.gradient(), reduction) / reduce_sum(reached, reduction.axes) * reached);
}

/// Gradient times a formula of the input and the (kept) output.
template <class Formula> void formula(RuleContext& node, Formula derivative) {
    const auto reduction = read(node);
    const Value g = reduction.nothing ? node.gradient() : kept(node.gradient(), reduction);
    const Value y = reduction.nothing ? node.output() : kept(node.output(), reduction);
    node.give(0, g * derivative(node.input(), y));
}

void reduce_l1(RuleContext& node) {
    formula(node, [](const Value& x, const Value&) { return unary("Sign", x); });
}

/// x / |x|, and 0 where everything is 0.
void reduce_l2(RuleContext& node) {
    formula(node, [](const Value& x, const Value& y) {
        return x / where(greater(y, 0), y, y.emitter().number(1, y.type()));
    });
}

void reduce_sum_square(RuleContext& node) {
    formula(node, [](const Value& x, const Value&) { return x * 2.0; });
}

void reduce_log_sum(RuleContext& node) {
    formula(node, [](const Value&, const Value& y) { return unary("Exp", -y); });
}

void reduce_log_sum_exp(RuleContext& node) {
    formula(node, [](const Value& x, const Value& y) { return unary("Exp", x - y); });
}

/// Product divided by the element: where no element is 0.
void reduce_prod(RuleContext& node) {
    formula(node, [](const Value& x, const Value& y) { return y / x; });
}

}  // namespace

const RuleTable& reduction_rules() {
    static const RuleTable table{
        {"ReduceL1", reduce_l1},          {"ReduceL2", reduce_l2},
        {"ReduceLogSum", reduce_log_sum}, {"ReduceLogSumExp", reduce_log_sum_exp},
        {"ReduceMax", extreme},           {"ReduceMean", reduce_mean_rule},
        {"ReduceMin", extreme},           {"ReduceProd", reduce_prod},
        {"ReduceSum", reduce_sum_rule},   {"ReduceSumSquare", reduce_sum_square},
    };
    return table;
}

}  // namespace locus::model
