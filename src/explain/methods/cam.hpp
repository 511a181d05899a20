#pragma once

/// Class activation maps in the model's own pass (Zhou et al. 2016, eq. 2). See model/cam_graph.hpp.

#include <string>

#include "explain/method.hpp"

namespace locus::explain {

/// Rewrites the graph, opens it and verifies on one random input that pool(map) + bias = logit. Throws
/// Error(unsupported) where the head is of another kind or the verification fails.
Prepared prepare_cam(const Network& network, const MethodOptions& options);

/// The same map for the explained model: the weights are the derivative of the class's score by the pooled features.
model::Value cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes);

std::string cam_obstacle(const Network& network);

}  // namespace locus::explain
