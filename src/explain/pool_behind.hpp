#pragma once

/// The pool behind a target layer, if the layer has no other reader: then what the head sees of the layer is a number a
/// channel.

#include <string>

#include "explain/target_layer.hpp"
#include "model/head.hpp"

namespace locus::explain {

/// The pool over all positions that reads a layer, where nothing else does.
struct PoolBehind {
    model::Pool pool = model::Pool::none;
    std::string tensor;  ///< its output, [n, K] or [n, K, 1, 1] (or [n, 1, 1, K])
};
PoolBehind pool_behind(const model::Graph& graph, const model::Shapes& shapes, const TargetLayer& layer);

}  // namespace locus::explain
