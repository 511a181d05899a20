#pragma once

/// Networks that have learned nothing, for the sanity check of Adebayo et al. 2018.

#include <cstdint>
#include <string>
#include <vector>

#include "model/graph.hpp"

namespace locus::evaluate {

/// Shuffles the values of each weight of rank 2 and more among themselves, float or packed into bytes: its distribution
/// stays, what was learned goes. Biases and normalisation stay as they are, so that activations stay finite. Those of
/// all layers between `input` and `scores`.
void randomise_weights(model::Graph& graph, const std::string& input, const std::string& scores, std::uint64_t seed);

/// The same for the initializers named.
void randomise_weights(model::Graph& graph, const std::vector<std::string>& names, std::uint64_t seed);

/// A node of the network that has weights: a convolution, a linear layer.
struct WeightedLayer {
    std::string node;                  ///< as people are told of it
    std::vector<std::string> weights;  ///< the initializers of rank 2 and more that it reads, packed ones too
};

/// The layers between `input` and `scores`, from the scores down.
std::vector<WeightedLayer> weighted_layers(const model::Graph& graph, const std::string& input,
                                           const std::string& scores);

}  // namespace locus::evaluate
