#pragma once

/// Methods that are formulas over features and gradients: written as nodes of the network's graph, so that one pass
/// gives scores and maps.
///
///     {.name = "hires-cam", ..., .prepare = prepare_nodes<hires_cam>, .nodes = hires_cam,
///      .plan = plan_nodes<hires_cam>},
///
/// The same nodes make the explained model (explained_model.hpp).

#include "explain/class_pass.hpp"
#include "explain/map_graph.hpp"
#include "explain/method.hpp"
#include "explain/shared_pass.hpp"

namespace locus::explain {

PassPlan node_plan(const MethodOptions& options, MapNodes nodes, MapOf map_of);

/// Lines of the registry for maps on layers, and for maps on the input's pixels.
template <MapNodes nodes> PassPlan plan_nodes(const Network&, const MethodOptions& options) {
    return node_plan(options, nodes, MapOf::layer);
}
template <MapNodes nodes> PassPlan plan_input_nodes(const Network&, const MethodOptions& options) {
    return node_plan(options, nodes, MapOf::input);
}
template <MapNodes nodes> Prepared prepare_nodes(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, node_plan(options, nodes, MapOf::layer));
}
template <MapNodes nodes> Prepared prepare_input_nodes(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, node_plan(options, nodes, MapOf::input));
}

/// Maps [n, h, w] of each of m classes as [n, m, h, w].
Tensor stacked_maps(const std::vector<Tensor>& columns);

/// "a,b": the layers' names for people and results.
std::string joined_names(const std::vector<TargetLayer>& layers);

/// Throws Error(usage) where a layer is given for a method that has none.
void require_no_layer(const MethodOptions& options, const char* method);

}  // namespace locus::explain
