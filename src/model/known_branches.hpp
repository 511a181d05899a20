#pragma once

/// If nodes whose condition is known before the network runs.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {

/// Puts the branch that is taken in the place of each If whose condition follows from constants and from sizes that do
/// not depend on the batch: PyTorch writes `x.squeeze(d)` as one that asks whether that size is 1. Branches may hold
/// further ones. Tensors inside keep their names; a number follows where a name is taken. What only the conditions
/// needed is removed. `input_shapes` as for `infer_shapes`; where shapes cannot be worked out, all stays.
void take_known_branches(Model& model, const std::map<std::string, Shape>& input_shapes);

/// The nodes and initializers of the graph that an attribute of If holds, to stand in the graph around it: it makes
/// `outputs`, and whatever else it makes has names that are not taken. nullopt where the attribute holds no graph, or
/// one with fewer outputs.
std::optional<Graph> read_branch(const Opaque& attribute, const std::vector<std::string>& outputs,
                                 const std::function<bool(const std::string&)>& is_taken);

/// All names of tensors in the graphs that an attribute holds, those of the graph around included.
std::unordered_set<std::string> names_inside(const Opaque& attribute);

}  // namespace locus::model
