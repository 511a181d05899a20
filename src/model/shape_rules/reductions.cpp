// Operators that take a number from each row along an axis, or the largest few.

#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

void reduction(Inference& n) {
    const Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    if (axes.empty() && n.node.int_or("noop_with_empty_axes", 0) != 0) return n.out(n.shape());
    n.out(reduced(n.shape(), axes, n.node.int_or("keepdims", 1) != 0));
}

void arg_reduction(Inference& n) {
    n.out(0, DataType::int64,
          reduced(n.shape(), {n.axis(n.node.int_or("axis", 0), n.rank())}, n.node.int_or("keepdims", 1) != 0));
}

void top_k(Inference& n) {
    Shape shape = n.shape();
    shape.at(n.axis(n.node.int_or("axis", -1), n.rank())) = n.opset >= 10 ? n.ints(1).at(0) : n.node.int_or("k", 1);
    n.out(shape);
    n.out(1, DataType::int64, shape);
}

}  // namespace

const RuleTable& reduction_rules() {
    static const RuleTable table{
        {"ReduceMean", reduction},
        {"ReduceSum", reduction},
        {"ReduceMax", reduction},
        {"ReduceMin", reduction},
        {"ReduceProd", reduction},
        {"ReduceL1", reduction},
        {"ReduceL2", reduction},
        {"ReduceSumSquare", reduction},
        {"ReduceLogSum", reduction},
        {"ReduceLogSumExp", reduction},
        {"ArgMax", arg_reduction},
        {"ArgMin", arg_reduction},
        {"TopK", top_k},
    };
    return table;
}

}  // namespace locus::model::shape_rules
