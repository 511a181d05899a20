#include "explain/methods/cam.hpp"

#include <fmt/format.h>

#include "explain/map_graph.hpp"
#include "explain/methods/gradient_cam.hpp"
#include "locus/error.hpp"

namespace locus::explain {

model::Value cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes) {
    const TargetLayer& target = graph.layers()[layer];
    const model::Value weights = graph.gradients({graph.network().head.pooled}, classes).front();
    const Shape shape = weights.shape();
    std::int64_t channels = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) channels *= shape[i];
    if (channels != target.channels) {
        throw Error(ErrorKind::usage,
                    fmt::format("cam is defined at the layer that is pooled, '{}', of {} channels, not at '{}', of {}; "
                                "gradient methods "
                                "take any layer",
                                graph.network().head.target_layer, channels, target.tensor, target.channels));
    }
    const model::Value column = model::reshape(weights, {-1, target.channels, 1});
    return weighted_map(graph, layer, model::cast(column, DataType::float32));
}

}  // namespace locus::explain
