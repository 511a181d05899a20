#pragma once

/// Networks that have learned nothing, for the sanity check of Adebayo et al. 2018.

#include <cstdint>

#include "model/graph.hpp"

namespace locus::evaluate {

/// Shuffles the values of each weight of rank 2 and more among themselves: its distribution stays, what was learned goes. Biases and
/// normalisation stay as they are, so that activations stay finite.
void randomise_weights(model::Graph& graph, std::uint64_t seed);

}  // namespace locus::evaluate
