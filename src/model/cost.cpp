#include "model/cost.hpp"

#include <algorithm>

namespace locus::model {
namespace {

/// Elements of a tensor for one item: what follows the batch counts once.
std::int64_t elements(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= std::max<std::int64_t>(extent, 1);
    return count;
}

std::int64_t multiply_adds(const Node& node, const Shapes& shapes) {
    if (!shapes.contains(node.output(0)) || !shapes.contains(node.input(0)) || !shapes.contains(node.input(1)))
        return 0;
    const Shape out = shapes.shape(node.output(0)), weight = shapes.shape(node.input(1));
    if (node.is("Conv")) {
        Shape per_output = weight;  // [out, in / groups, kernel...]
        per_output[0] = 1;
        return elements(out) * elements(per_output);
    }
    if (node.is("ConvTranspose")) {
        Shape per_input = weight;  // [in, out / groups, kernel...]
        per_input[0] = 1;
        return elements(shapes.shape(node.input(0))) * elements(per_input);
    }
    if (node.is("Gemm")) return elements(out) * weight[node.int_or("transB", 0) != 0 ? 1 : 0];
    if (node.is("MatMul") && weight.size() >= 2)
        return elements(out) * std::max<std::int64_t>(weight[weight.size() - 2], 1);
    return 0;
}

bool is_weight(const Tensor& tensor) {
    // Weights stored as bytes count; the int64 tensors of shape arithmetic do not.
    return tensor.type() != DataType::int64 && tensor.type() != DataType::int32 && tensor.type() != DataType::boolean;
}

}  // namespace

Cost cost(const Graph& graph, const Shapes& shapes, const std::unordered_set<std::string>* only) {
    Cost total;
    std::unordered_set<std::string> counted;
    for (const Node& node : graph.nodes) {
        if (only != nullptr && !only->contains(node.output(0))) continue;
        total.multiply_adds += multiply_adds(node, shapes);
        for (const std::string& input : node.inputs) {
            const Tensor* constant = graph.find_constant(input);
            if (constant != nullptr && is_weight(*constant) && counted.insert(input).second)
                total.parameters += constant->size();
        }
    }
    return total;
}

}  // namespace locus::model
