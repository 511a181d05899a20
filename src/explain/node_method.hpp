#pragma once

/// Methods that are formulas over features and gradients: written as nodes of the network's graph, so that one pass gives scores and maps.
///
///     {"hires-cam", ..., prepare_nodes<hires_cam>, nullptr, hires_cam},     // a line of the registry
///
/// The same nodes make the explained model (model/explained_model.hpp).

#include "explain/class_pass.hpp"
#include "explain/map_graph.hpp"
#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_node_method(const Network& network, const MethodOptions& options, MapNodes nodes, MapOf map_of);

/// For maps on layers.
template <MapNodes nodes> Prepared prepare_nodes(const Network& network, const MethodOptions& options) {
    return prepare_node_method(network, options, nodes, MapOf::layer);
}

/// For maps on the input's pixels.
template <MapNodes nodes> Prepared prepare_input_nodes(const Network& network, const MethodOptions& options) {
    return prepare_node_method(network, options, nodes, MapOf::input);
}

/// Maps [n, h, w] of each of m classes as [n, m, h, w].
Tensor stacked_maps(const std::vector<Tensor>& columns);

/// "a,b": the layers' names for people and results.
std::string joined_names(const std::vector<TargetLayer>& layers);

/// Throws Error(usage) where a layer is given for a method that has none.
void require_no_layer(const MethodOptions& options, const char* method);

}  // namespace locus::explain
