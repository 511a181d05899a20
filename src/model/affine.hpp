#pragma once

/// Which parts of a graph are affine.

#include <string>

#include "model/graph.hpp"

namespace locus::model {

/// True where every operator between the tensor and the scores is affine, so that y = b + sum of gradient times value,
/// exactly.
bool is_affine_behind(const Graph& graph, const std::string& tensor, const std::string& scores);

}  // namespace locus::model
