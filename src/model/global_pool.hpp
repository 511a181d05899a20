#pragma once

/// Which operators pool, and over what.
///
///     model::pool_of(node);                              // Pool::mean of a ReduceMean
///     model::fully_pooled_axes(graph, node, {n, K, 7, 7});    // {2, 3} of a GlobalAveragePool

#include <cstdint>
#include <optional>
#include <vector>

#include "model/graph.hpp"

namespace locus::model {

enum class Pool { none, mean, max, sum };

/// What the operator makes of the values that it pools, whether of all positions or of windows; none for others.
Pool pool_of(const Node& node);

/// Axes of a Reduce operator, as written (from the end where negative): its attribute, or since opset 13 (sum) and 18
/// (the others) a constant input. nullopt where they are not given, which means all, or not known.
std::optional<std::vector<std::int64_t>> reduced_axes(const Graph& graph, const Node& node);

/// The axes that a pool sees all of, in order, where its input has this shape. Empty for other operators, and for
/// windows that are smaller than the map, larger, or padded.
std::vector<std::int64_t> fully_pooled_axes(const Graph& graph, const Node& node, const Shape& input);

}  // namespace locus::model
