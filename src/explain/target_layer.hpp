#pragma once

/// The tensor whose channels are weighted, and how its values lie on the image.
///
///     explain::TargetLayer layer = explain::find_target_layer(network, shapes, "");   // "" chooses
///     model::Value a = explain::feature_map(emit.value(layer.tensor), layer);   // [n, K, positions], float32
///
/// Chosen where none is named: the tensor that is pooled (Zhou et al. 2016), else the last one with positions that all
/// of the score passes through. In a transformer whose head reads a class token, patch tokens behind the last attention
/// no longer reach the score: there it is the input of the last attention, of all tokens to all or of the class token
/// alone (CaiT): normalised, as the patches before have a zero product with their gradient. Where no layer has all of
/// the score pass through it (`is_bypassed`), it is the last one with positions, unmirrored if there is such a one.
///
/// No reshape function has to be written for transformers: layer_layout.hpp tells channels and positions from the
/// operators round the tensor.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "explain/network.hpp"
#include "model/derivative_expression.hpp"
#include "model/head.hpp"
#include "model/shapes.hpp"

namespace locus::explain {

struct TargetLayer {
    std::string tensor;
    model::FeatureLayout layout = model::FeatureLayout::channels_first;
    std::int64_t channels = 0;
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::int64_t leading_tokens = 0;   ///< class and distillation tokens before the positions
    std::int64_t trailing_tokens = 0;  ///< class tokens and registers behind them
    bool flat = false;                 ///< channels_first as [n, K, positions]
    /// Chosen though part of the score passes by it, as no layer has all of it.
    bool is_bypassed = false;

    std::int64_t positions() const { return height * width; }
    std::int64_t extra_tokens() const { return leading_tokens + trailing_tokens; }
};

/// What a user says of a layer where the graph does not tell, or tells wrong.
struct GivenLayout {
    std::optional<bool> channels_last;  ///< [n, h, w, K] and [n, tokens, K], or [n, K, h, w] and [n, K, positions]
    /// Rows, columns of tokens; those before them are extra.
    std::optional<std::pair<std::int64_t, std::int64_t>> grid;
};

/// Shapes of all tensors of `model`, the network's graph or a rewriting of it, for the size of input that the
/// preprocessing makes.
model::Shapes network_shapes(const Network& network, const model::Model& model);

/// The tensor as a graph input of the part behind it: its type, and its shape with a symbol for the batch.
model::ValueInfo declared(const model::Shapes& shapes, const std::string& tensor);

/// The layer of this name, or the one chosen. Throws Error(usage) for a tensor that does not exist (with the nearest
/// names) and for one without positions (naming one that has them), Error(unsupported) where nothing can be chosen.
TargetLayer find_target_layer(const Network& network, const model::Shapes& shapes, const std::string& wanted,
                              const GivenLayout& given = {});

/// The layers of a --layer option: a tensor's name, or several joined by commas, of which each counts once. Names with
/// commas of their own are taken whole.
std::vector<TargetLayer> find_target_layers(const Network& network, const model::Shapes& shapes,
                                            const std::string& wanted, const GivenLayout& given = {});

/// That the chosen layer has only part of the score pass through it (ensembles, several branches); empty where it has
/// all of it or none can be chosen.
std::string bypass_warning(const Network& network, const GivenLayout& given = {});

/// The target layer and the last layer before it with at least twice its resolution, joined by a comma: for refine-cam.
/// It is one that all of the score passes through, where there is one. The target layer alone where no layer is so
/// large.
std::string coarse_to_fine_layers(const Network& network, const GivenLayout& given = {});

/// The layer's tensor, or one of the same shape (its gradient), as [n, K, positions] in float32; extra tokens are left
/// out.
model::Value feature_map(const model::Value& tensor, const TargetLayer& layer);

}  // namespace locus::explain
