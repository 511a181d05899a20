#include "model/resize_scales.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "locus/error.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

bool resizes(const Node& node) { return node.is("Resize") || node.is("Upsample"); }

/// Which input holds the scales.
std::size_t scales_at(const Node& node, std::int64_t opset) { return opset < 11 || node.is("Upsample") ? 1 : 2; }

std::optional<Shapes> known_before_it_runs(const Model& model, const std::map<std::string, Shape>& input_shapes) {
    try {
        return infer_shapes(model, input_shapes);
    } catch (const Error&) {
        return std::nullopt;
    }
}

/// Only a product that rounds up to a whole number is in question, and two steps carry it over.
float settled(float scale, std::int64_t size) {
    const auto of_kernel = std::floor(static_cast<float>(size) * scale);
    for (int step = 0; step <= 2; ++step) {
        if (std::floor(static_cast<double>(size) * static_cast<double>(scale)) == static_cast<double>(of_kernel)) break;
        scale = std::nextafter(scale, std::numeric_limits<float>::infinity());
    }
    return scale;
}

/// The node's scales, settled; nullopt where they are so already, or cannot be looked at.
std::optional<Tensor> settled_scales(const Node& node, const Tensor* given, const Shapes& shapes) {
    if (given == nullptr || given->type() != DataType::float32 || !shapes.contains(node.input(0))) return std::nullopt;
    if (node.string_or("coordinate_transformation_mode", "") == "tf_crop_and_resize") return std::nullopt;
    const Shape shape = shapes.shape(node.input(0));
    const auto rank = static_cast<std::int64_t>(shape.size());
    std::vector<std::int64_t> axes(shape.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = node.ints_or("axes", axes);
    Tensor scales = *given;
    const auto values = scales.mutable_values<float>();
    if (values.size() != axes.size()) return std::nullopt;
    bool changed = false;
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank || shape[axis] < 0) continue;
        const float scale = settled(values[i], shape[axis]);
        changed = changed || scale != values[i];
        values[i] = scale;
    }
    return changed ? std::optional(scales) : std::nullopt;
}

}  // namespace

void settle_resize_scales(Model& model, const std::map<std::string, Shape>& input_shapes) {
    Graph& graph = model.graph;
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), resizes)) return;
    const std::optional<Shapes> shapes = known_before_it_runs(model, input_shapes);
    if (!shapes) return;
    NodeWriter write(graph, "resize");
    std::set<std::string> replaced;
    for (Node& node : graph.nodes) {
        if (!resizes(node)) continue;
        const std::size_t at = scales_at(node, model.opset());
        const std::string name = node.input(at);
        const auto scales = settled_scales(node, graph.find_constant(name), *shapes);
        if (!scales) continue;
        node.inputs[at] = write.constant(*scales);
        replaced.insert(name);
    }
    const Index index(graph);
    for (const std::string& name : replaced) {
        if (index.consumers(name).empty() && graph.find_output(name) == nullptr) graph.initializers.erase(name);
    }
}

}  // namespace locus::model
