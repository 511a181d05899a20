#pragma once

/// Ablation-CAM (Desai & Ramaswamy 2020): w_k = (y - y without channel k) / y, the channel set to 0; the map is sum_k
/// w_k A_k.
///
/// Where everything behind the layer, or behind the global pool that alone reads it, is affine, y - y_k = sum g A_k
/// exactly, and the map costs one forward pass. Else K runs of the head, on pooled vectors where there is a global
/// pool.
///
/// A negative y turns the formula's map over: Attribution::signs says so, and pictures divide by |y|.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_ablation_cam(const Network& network, const MethodOptions& options);

/// The closed form as nodes. Throws Error(unsupported) where the head is not affine.
model::Value ablation_cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes);

}  // namespace locus::explain
