#include "explain/methods/fem.hpp"

#include "explain/map_graph.hpp"
#include "explain/methods/gradient_cam.hpp"

namespace locus::explain {

using model::Value;

Value fem(MapGraph& graph, std::size_t layer, const Value&) {
    const Value a = graph.features(layer);
    const Value deviation = a - model::reduce_mean(a, {2});
    const Value limit = 2.0 * model::unary("Sqrt", model::reduce_mean(deviation * deviation, {2}));
    const Value share = model::reduce_mean(model::indicator(model::greater(deviation, limit), DataType::float32), {2});
    return weighted_map(graph, layer, share);
}

}  // namespace locus::explain
