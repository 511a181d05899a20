#pragma once

/// Full-gradient representation (Srinivas & Fleuret 2019): psi(x dy/dx) plus, for every bias of a convolution or
/// normalisation, psi(b dy/d out) summed over channels; psi takes the amount and min-maxes each map over its positions
/// (its range plus 1e-7: a channel of rounding noise stays dark). Maps are resized to the input before they are added.
///
/// Without psi the parts are complete, x . dy/dx + sum of b . dy/db = y, for networks of Relu and linear layers: a
/// test.

#include "explain/map_graph.hpp"
#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_full_grad(const Network& network, const MethodOptions& options);

/// A layer with a bias: what it makes, and the bias as added to each channel.
struct BiasedLayer {
    std::string tensor;
    Tensor bias;  ///< float32 [K]
};

/// Convolutions, BatchNormalizations (whose bias is beta - mean * gamma / deviation) and Adds and Subs of a constant a
/// channel on the way to the scores, `linear` layers as well if asked for.
std::vector<BiasedLayer> biased_layers(const model::Graph& graph, const std::string& input, const std::string& scores,
                                       bool linear);

}  // namespace locus::explain
