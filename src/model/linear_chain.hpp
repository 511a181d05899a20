#pragma once

/// Several nodes that together are one linear layer: a batch normalisation before a fully connected layer, two layers
/// with nothing between them, the mean of two of them.
///
///     auto chain = model::find_linear_chain(graph, index, "logits", path);    // logits = W from + b
///     model::ChainWeights weights = model::write_weights(writer, *chain);     // W and b as tensors of the graph
///
/// Whatever they are, an affine function f is known by its values: b = f(0) and W e_k = f(e_k) - b. The graph computes
/// them from constants alone, which ONNX Runtime does once, when it opens the session.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/graph.hpp"

namespace locus::model {

struct LinearChain {
    std::string from;  ///< the tensor of `features` values an item that the nodes read
    std::int64_t features = 0;
    /// Copies of the graph's nodes in an order in which each comes after those it reads from, the last one making the
    /// scores. They read each other, `from` and constants; what merely moves values about between them is left out.
    std::vector<Node> nodes;
};

/// How the way back from the scores is found. Between the pool and the scores each item is a vector.
struct VectorPath {
    std::function<bool(const std::string& tensor)> is_variable;            ///< whether it depends on the graph's inputs
    std::function<std::string(const std::string& tensor)> skip_reshaping;  ///< back to where its values were made
};

/// The nodes of this kind that `scores` are computed by; nullopt where there are none, where they start from more than
/// one tensor, where the sizes of their constants are not known or do not fit each other, and beyond 64 nodes.
std::optional<LinearChain> find_linear_chain(const Graph& graph, const Index& index, const std::string& scores,
                                             const VectorPath& path);

struct ChainWeights {
    std::string weight;  ///< float32 [features, classes]
    std::string bias;    ///< float32 [classes]
};

/// Adds the nodes that compute W and b. The graph must have opset 10 or newer.
ChainWeights write_weights(NodeWriter& write, const LinearChain& chain);

/// A convolution that reads each position by itself, with constant weights.
bool is_pointwise(const Graph& graph, const Node& convolution);
}  // namespace locus::model
