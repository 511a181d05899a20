#include "explain/cam.hpp"
#include "explain/gradient_cam.hpp"
#include "explain/map_graph.hpp"
#include "locus/error.hpp"

namespace locus::explain {

model::Value cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes) {
    const TargetLayer& target = graph.layers()[layer];
    if (target.tensor != graph.network().head.target_layer) {
        throw Error(ErrorKind::usage, "cam is defined at the layer that is pooled; gradient methods take any layer");
    }
    const model::Value weights = graph.gradients({graph.network().head.pooled}, classes).front();
    return weighted_map(graph, layer, model::reshape(weights, {-1, target.channels, 1}));
}

}  // namespace locus::explain
