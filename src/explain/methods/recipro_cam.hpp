#pragma once

/// Recipro-CAM (Byun & Lee 2022): the map's value at a position is y of the features with only that position kept. For
/// transformers (Byun & Lee 2023) a 3 x 3 Gaussian is kept around each position, and the class token.
///
/// Where everything behind the layer is affine, that is b + sum_k g_k A_k, at no cost; behind a global pool it is the
/// head on each position's vector.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_recipro_cam(const Network& network, const MethodOptions& options);

/// The closed form as nodes. Throws Error(unsupported) where the head is not affine.
model::Value recipro_cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes);

}  // namespace locus::explain
