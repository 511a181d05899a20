#pragma once

/// What stands between the last feature map and the scores.
///
///     model::ClassifierHead head = model::find_head(model);
///     if (head.kind == model::HeadKind::pool_linear) ... // logit_c = b_c + sum_k w_ck pool(f_k): CAM is defined
///
/// Zhou et al. 2016, section 2: with a global pool and one linear layer behind the feature map f, the class activation
/// map of class c is M_c(x, y) = sum_k w_ck f_k(x, y). A head is recognised from the graph alone, whatever operators
/// spell it, and by its structure only: explain/methods/cam.cpp verifies it on numbers before use.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/global_pool.hpp"
#include "model/graph.hpp"
#include "model/linear_chain.hpp"

namespace locus::model {

enum class HeadKind {
    pool_linear,  ///< feature map, global pool, one linear layer, or several nodes that together are one
    class_pool,   ///< a channel for each class, then the global pool (SqueezeNet, Network in Network)
    other,        ///< anything else: plain CAM is not defined; `ClassifierHead::reason` says why
};

/// What follows the logits.
enum class Activation { none, softmax, log_softmax, sigmoid };

/// Where the channels of the target layer stand.
enum class FeatureLayout {
    channels_first,  ///< [n, K, h, w] or [n, K, positions]
    channels_last,   ///< [n, h, w, K]
    tokens,          ///< [n, positions, K]
};

/// How the linear layer's weight is stored.
enum class WeightForm {
    class_rows,     ///< [classes, K] (Gemm with transB) or [classes, K, 1, 1] (convolution)
    class_columns,  ///< [K, classes] (Gemm, MatMul)
};

struct ClassifierHead {
    HeadKind kind = HeadKind::other;
    Pool pool = Pool::none;
    Activation activation = Activation::none;
    std::string output;        ///< the graph output, or the tensor asked for, that holds the scores
    std::string logits;        ///< the tensor before the activation: the score explained
    std::string target_layer;  ///< the tensor that is pooled; empty for HeadKind::other
    std::string pooled;        ///< the pool's output
    FeatureLayout layout = FeatureLayout::channels_first;
    std::string weight;  ///< of the linear layer: an initializer or a tensor computed from initializers
    std::string bias;    ///< the same; empty where there is none
    WeightForm weight_form = WeightForm::class_rows;
    /// In place of weight and bias, where more nodes than those of one layer make the scores from the pooled features.
    std::optional<LinearChain> chain;
    float scale = 1.0F;       ///< factor on the product with the weight (Gemm's alpha, a constant Mul or Div)
    float bias_scale = 1.0F;  ///< factor on the bias
    bool quantized = false;   ///< activations pass through QuantizeLinear: sums hold to the quantization step only
    std::string reason;       ///< for HeadKind::other: why it is not one of the kinds above
};

std::string_view name(HeadKind kind);
std::string_view name(Pool pool);
std::string_view name(Activation activation);

/// The head in front of `output`, a graph output or a tensor inside the graph (empty: the first of score_outputs).
/// Throws Error(usage), listing the outputs, for one that does not exist, Error(unsupported) for what require_scores
/// refuses, and Error(model) for a graph without outputs.
ClassifierHead find_head(const Model& model, const std::string& output = {});

/// The graph input that takes the image: `wanted`, or the only one, or the only one of rank 4 that is not `fed`
/// otherwise. Throws Error(usage) where the name does not exist or where none or several could be meant, listing them.
const ValueInfo& find_image_input(const Graph& graph, const std::string& wanted = {},
                                  const std::vector<std::string>& fed = {});

}  // namespace locus::model
