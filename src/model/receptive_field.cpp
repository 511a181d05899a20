#include "model/receptive_field.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace locus::model {
namespace {

constexpr double everything = std::numeric_limits<double>::infinity();

std::optional<Shape> shape_of(const Shapes& shapes, const std::string& tensor) {
    if (!shapes.contains(tensor)) return std::nullopt;
    return shapes.shape(tensor);
}

/// Kernel extents of a convolution or pool, dilation included; empty where the node has none.
std::vector<std::int64_t> kernel_extents(const Node& node, const Shapes& shapes) {
    std::vector<std::int64_t> kernel = node.ints_or("kernel_shape", {});
    if (kernel.empty() && node.op_type.starts_with("Conv")) {
        if (const auto weight = shape_of(shapes, node.input(1)); weight && weight->size() > 2)
            kernel.assign(weight->begin() + 2, weight->end());
    }
    const auto dilations = node.ints_or("dilations", std::vector<std::int64_t>(kernel.size(), 1));
    for (std::size_t i = 0; i < kernel.size() && i < dilations.size(); ++i)
        kernel[i] = (kernel[i] - 1) * dilations[i] + 1;
    return kernel;
}

bool has_positions(const Shape& shape) { return shape.size() >= 3; }

bool mixes_all_positions(const Node& node) {
    return node.op_type.starts_with("Global") || node.op_type.starts_with("Reduce") || node.is("MatMul") ||
           node.is("Gemm") || node.is("Flatten");
}

ReceptiveField behind(const Node& node, ReceptiveField before, const Shape& in, const Shape& out,
                      const Shapes& shapes) {
    const auto kernel = kernel_extents(node, shapes);
    if (!kernel.empty()) {
        const auto strides = node.ints_or("strides", std::vector<std::int64_t>(kernel.size(), 1));
        const bool enlarges = node.is("ConvTranspose");
        const auto largest = static_cast<double>(*std::max_element(kernel.begin(), kernel.end()));
        const auto step = static_cast<double>(strides.empty() ? 1 : strides.back());
        if (enlarges) return {before.size + (largest - 1) / step * before.stride, before.stride / step};
        return {before.size + (largest - 1) * before.stride, before.stride * step};
    }
    // Resize, Slice with steps, space to depth: the ratio of the extents along the rows.
    if (in.size() == 4 && out.size() == 4 && !node.is("Transpose") && in.back() > 0 && out.back() > 0 &&
        in.back() != out.back()) {
        const double ratio = static_cast<double>(in.back()) / static_cast<double>(out.back());
        const double step =
            ratio >= 1 ? std::max(1.0, static_cast<double>(static_cast<std::int64_t>(ratio + 0.5))) : ratio;
        return {before.size, before.stride * step};
    }
    return before;
}

}  // namespace

std::unordered_map<std::string, ReceptiveField> receptive_fields(const Graph& graph, const Shapes& shapes,
                                                                 const std::string& input) {
    std::unordered_map<std::string, ReceptiveField> fields{{input, {}}};
    for (const Node& node : graph.nodes) {
        const auto out = shape_of(shapes, node.output(0));
        if (!out) continue;
        std::optional<ReceptiveField> field;
        for (const std::string& tensor : node.inputs) {
            const auto known = fields.find(tensor);
            const auto in = shape_of(shapes, tensor);
            if (known == fields.end() || !in) continue;
            // A gate of one position beside a whole map says nothing about where the map looks.
            const bool gate = node.inputs.size() > 1 && in->size() == 4 && out->size() == 4 && in->back() == 1 &&
                              (*in)[2] == 1 && out->back() > 1;
            if (gate) continue;
            ReceptiveField next = mixes_all_positions(node) ? ReceptiveField{everything, known->second.stride}
                                                            : behind(node, known->second, *in, *out, shapes);
            if (!field || next.size > field->size) field = next;
        }
        if (field && has_positions(*out)) {
            for (const std::string& tensor : node.outputs) fields[tensor] = *field;
        }
    }
    return fields;
}

}  // namespace locus::model
