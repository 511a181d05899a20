#pragma once

/// Finds a global pool followed by one linear layer: the head of which class activation maps can be read off.

#include <optional>
#include <string>

#include "model/graph.hpp"

namespace locus::train {

struct PooledHead {
    std::string features;     ///< the pooled map [n, K, h, w]
    std::string pooled;       ///< what the linear layer reads, [n, K]
    std::string weight;       ///< of the linear layer
    bool transposed = false;  ///< the weight is [classes, K]; else [K, classes]
};

/// The pooled head in front of `output`; nothing where the graph ends otherwise.
std::optional<PooledHead> find_pooled_head(const model::Graph& graph, const std::string& output);

}  // namespace locus::train
