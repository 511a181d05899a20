#pragma once

/// FEM, features explanation method (Fuad et al. 2020), as pytorch-grad-cam computes it: w_k is the share of positions
/// where A_k is more than two standard deviations above its mean; the map is sum_k w_k A_k. Needs neither gradient nor
/// class.

#include "explain/method.hpp"

namespace locus::explain {

model::Value fem(MapGraph& graph, std::size_t layer, const model::Value& classes);

}  // namespace locus::explain
