#pragma once

/// Shapes of all tensors of a graph: worked out where Locus knows the operators, else seen in a run of the network.
///
///     model::Shapes shapes = runtime::known_shapes(model, {{"input", {-1, 3, 224, 224}}});

#include <map>
#include <string>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::runtime {

/// As `model::infer_shapes`, with the gaps filled: where an operator is not known there, the network runs once for each
/// of two batch sizes (once where the batch is fixed, or nothing else works), unoptimized, on zeros, with every tensor
/// exposed. Throws Error(model) where the runtime refuses the model or it fails.
model::Shapes known_shapes(const model::Model& model, const std::map<std::string, Shape>& input_shapes = {});

/// What a run shows: the second half of `known_shapes` by itself. Values are recorded of small tensors that do not
/// depend on the input's numbers.
model::Shapes observe_shapes(const model::Model& model, const std::map<std::string, Shape>& input_shapes = {});

}  // namespace locus::runtime
