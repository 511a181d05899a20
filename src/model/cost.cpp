#include "model/cost.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

namespace locus::model {
namespace {

std::int64_t elements(const Shape& shape) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape) count *= std::max<std::int64_t>(extent, 1);
    return count;
}

/// Every index of the equation, of one or several operands, takes each of its values with each of the others'.
std::int64_t einsum_multiply_adds(const Node& node, const Shapes& shapes) {
    if (node.inputs.size() < 2) return 0;
    const std::string equation = node.string_or("equation", "");
    std::map<char, std::int64_t> extents;
    std::int64_t unnamed = 1;  // what "..." stands for
    std::size_t operand = 0, axis = 0;
    for (std::size_t i = 0; i < equation.size() && equation[i] != '-'; ++i) {
        if (equation[i] == ' ') continue;
        if (equation[i] == ',') {
            ++operand;
            axis = 0;
            continue;
        }
        if (operand >= node.inputs.size() || !shapes.contains(node.inputs[operand])) return 0;
        const Shape shape = shapes.shape(node.inputs[operand]);
        if (equation.compare(i, 3, "...") == 0) {
            const auto end = std::min(equation.find_first_of(",-", i), equation.size());
            const auto behind = std::count_if(equation.begin() + static_cast<std::ptrdiff_t>(i) + 3,
                                              equation.begin() + static_cast<std::ptrdiff_t>(end),
                                              [](char letter) { return letter != ' '; });
            const std::size_t until = shape.size() - std::min(shape.size(), static_cast<std::size_t>(behind));
            std::int64_t count = 1;
            for (; axis < until; ++axis) count *= std::max<std::int64_t>(shape[axis], 1);
            unnamed = std::max(unnamed, count);
            i += 2;
            continue;
        }
        if (axis >= shape.size()) return 0;
        std::int64_t& extent = extents[equation[i]];
        extent = std::max({extent, shape[axis++], std::int64_t{1}});
    }
    for (const auto& [letter, extent] : extents) unnamed *= extent;
    return unnamed * (static_cast<std::int64_t>(node.inputs.size()) - 1);
}

/// Where a product reads its weight, or its second factor.
std::size_t weight_place(const Node& node) { return node.is("QLinearConv") || node.is("QLinearMatMul") ? 3 : 1; }

std::int64_t multiply_adds(const Node& node, const Shapes& shapes) {
    if (node.is("Einsum")) return einsum_multiply_adds(node, shapes);
    const std::string& factor = node.input(weight_place(node));
    if (!shapes.contains(node.output(0)) || !shapes.contains(node.input(0)) || !shapes.contains(factor)) return 0;
    const Shape out = shapes.shape(node.output(0)), weight = shapes.shape(factor);
    if (node.is("Conv") || node.is("QLinearConv") || node.is("ConvInteger")) {
        Shape per_output = weight;  // [out, in / groups, kernel...]
        per_output.at(0) = 1;
        return elements(out) * elements(per_output);
    }
    if (node.is("ConvTranspose")) {
        Shape per_input = weight;  // [in, out / groups, kernel...]
        per_input.at(0) = 1;
        return elements(shapes.shape(node.input(0))) * elements(per_input);
    }
    if (node.is("Gemm")) return elements(out) * weight.at(node.int_or("transB", 0) != 0 ? 1 : 0);
    const bool is_product = node.is("MatMul") || node.is("QLinearMatMul") || node.is("MatMulInteger");
    if (is_product && weight.size() >= 2) return elements(out) * std::max<std::int64_t>(weight[weight.size() - 2], 1);
    if (is_product && weight.size() == 1) return elements(out) * std::max<std::int64_t>(weight[0], 1);
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
    const bool is_in_subgraph = place >= node.inputs.size();
    return (!is_formula && !is_in_subgraph) || tensor.size() > 1;
}

}  // namespace

Cost cost(const Graph& graph, const Shapes& shapes, std::int64_t items, const std::unordered_set<std::string>* only) {
    Cost total;
    std::unordered_set<std::string> counted;
    for (const Node& node : graph.nodes) {
        if (only != nullptr &&
            std::ranges::none_of(node.outputs, [&](const std::string& output) { return only->contains(output); }))
            continue;
        total.multiply_adds += multiply_adds(node, shapes);
        std::vector<std::pair<std::string, std::size_t>> reads;
        for (std::size_t place = 0; place < node.inputs.size(); ++place) reads.emplace_back(node.inputs[place], place);
        for (const std::string& tensor : node.reads()) {
            if (std::ranges::find(node.inputs, tensor) == node.inputs.end())
                reads.emplace_back(tensor, node.inputs.size());
        }
        for (const auto& [tensor, place] : reads) {
            const Tensor* constant = graph.find_constant(tensor);
            if (constant != nullptr && is_weight(node, place, *constant) && counted.insert(tensor).second)
                total.parameters += constant->size();
        }
    }
    total.multiply_adds /= std::max<std::int64_t>(items, 1);
    return total;
}

}  // namespace locus::model
