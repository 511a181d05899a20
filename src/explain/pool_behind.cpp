#include "explain/pool_behind.hpp"

#include "model/global_pool.hpp"

namespace locus::explain {
namespace {

std::vector<std::int64_t> axes_of_positions(const TargetLayer& layer, const Shape& shape) {
    const std::int64_t first = layer.layout == model::FeatureLayout::channels_first ? 2 : 1;
    std::vector<std::int64_t> axes;
    for (std::int64_t axis = first; axis < first + static_cast<std::int64_t>(shape.size()) - 2; ++axis)
        axes.push_back(axis);
    return axes;
}

}  // namespace

PoolBehind pool_behind(const model::Graph& graph, const model::Shapes& shapes, const TargetLayer& layer) {
    if (layer.extra_tokens() != 0) return {};
    const model::Index index(graph);
    const auto& readers = index.consumers(layer.tensor);
    if (readers.size() != 1 || graph.find_output(layer.tensor) != nullptr) return {};
    const model::Node& node = *readers.front();
    const std::string& pooled = node.output(0);
    if (!shapes.contains(pooled)) return {};
    const Shape shape = shapes.shape(layer.tensor);
    if (model::fully_pooled_axes(graph, node, shape) != axes_of_positions(layer, shape)) return {};
    return {model::pool_of(node), pooled};
}

}  // namespace locus::explain
