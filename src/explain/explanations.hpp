#pragma once

/// What a method's numbers say, in the terms of the public API.

#include <cstddef>
#include <vector>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/target_score.hpp"
#include "locus/explainer.hpp"

namespace locus::explain {

/// The explanations of one item of a batch, one a class of which the attribution has a map; a class that it has twice
/// comes once. Regions are not filled in, nor is what Explainer alone knows (method, layer). `parts` is how many
/// channels each lists, where the attribution has weights and features.
std::vector<Explanation> explanations_of(const Attribution& attribution, std::size_t item, const Network& network,
                                         const TargetScore& target, FinalMap final_map, int parts);

}  // namespace locus::explain
