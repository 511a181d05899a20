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

/// Whether what a node reads there was learned. Weights stored as bytes were; the integers of shape arithmetic, scales
/// and zero points of quantisation, bounds and single numbers in formulas were not.
bool is_weight(const Node& node, std::size_t place, const Tensor& tensor) {
    if (node.is("QuantizeLinear") || node.is("DequantizeLinear")) return place == 0;
    if (node.is("QLinearConv")) return place == 3 || place == 8;
    if (node.is("QLinearMatMul")) return place == 0 || place == 3;
    if (node.is("ConvInteger") || node.is("MatMulInteger")) return place < 2;
    if (tensor.type() == DataType::int64 || tensor.type() == DataType::int32 || tensor.type() == DataType::boolean)
        return false;
    if (node.is("Clip") || node.is("Pad") || node.is("Dropout") || node.is("Resize") || node.is("Upsample"))
        return false;
    const bool is_formula = node.is("Add") || node.is("Sub") || node.is("Mul") || node.is("Div") || node.is("Pow") ||
                            node.is("Max") || node.is("Min");
    return !is_formula || tensor.size() > 1;
}

}  // namespace

Cost cost(const Graph& graph, const Shapes& shapes, const std::unordered_set<std::string>* only) {
    Cost total;
    std::unordered_set<std::string> counted;
    for (const Node& node : graph.nodes) {
        if (only != nullptr && !only->contains(node.output(0))) continue;
        total.multiply_adds += multiply_adds(node, shapes);
        for (std::size_t place = 0; place < node.inputs.size(); ++place) {
            const std::string& input = node.inputs[place];
            const Tensor* constant = graph.find_constant(input);
            if (constant != nullptr && is_weight(node, place, *constant) && counted.insert(input).second)
                total.parameters += constant->size();
        }
    }
    return total;
}

}  // namespace locus::model
