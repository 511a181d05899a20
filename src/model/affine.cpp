#include "model/affine.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace locus::model {

bool is_affine_behind(const Graph& graph, const std::string& tensor, const std::string& scores) {
    static const std::set<std::string_view> always{
        "Identity", "Dropout",           "Flatten",     "Reshape",    "Squeeze",   "Unsqueeze", "Transpose", "Cast",
        "Slice",    "GlobalAveragePool", "AveragePool", "ReduceMean", "ReduceSum", "Concat",    "Split",     "Pad",
        "Neg"};
    static const std::set<std::string_view> with_constants{
        "Gemm", "MatMul", "Conv", "Mul", "Div", "BatchNormalization", "Gather", "Expand"};
    static const std::set<std::string_view> sums{"Add", "Sub"};
    const Index index(graph);
    const auto behind = index.descendants(tensor);
    const auto before = index.ancestors(scores);
    for (const Node& node : graph.nodes) {
        const bool on_the_way =
            behind.contains(node.output(0)) && before.contains(node.output(0)) && node.output(0) != tensor;
        if (!on_the_way) continue;
        if (node.is("Shape")) continue;  // sizes do not depend on values
        const auto varying = std::count_if(node.inputs.begin(), node.inputs.end(),
                                           [&](const auto& name) { return behind.contains(name); });
        if (always.contains(node.op_type) || sums.contains(node.op_type)) continue;
        const bool constant_factors = varying == 1 && (behind.contains(node.input(0)) || node.is("Mul"));
        if (!with_constants.contains(node.op_type) || !constant_factors) return false;
    }
    return true;
}

}  // namespace locus::model
