#pragma once

/// The first fully connected layer behind a target layer (AlexNet, VGG), taken apart by what its inputs come from.
///
/// Its outputs are the bias plus a sum of parts, one for each channel, or one for each position, of the target layer: z
/// = b + sum of z_i. With channel k ablated they are z - z_k, with position p kept alone b + z_p, exactly. So one pass
/// over this layer's weights, which are most of such a network, serves every change, and only the smaller layers behind
/// it run once a change. All of it is nodes in the network's own graph.

#include "explain/map_graph.hpp"

namespace locus::explain {

enum class PartsOf { channels, positions };

/// True where the target layer is read by a fully connected layer and nothing else, each input of which is made from
/// one channel (or one value) alone and is 0 where that is; where what stands behind it treats the items of a batch one
/// by one up to a last fully connected layer that makes the scores; and where the score explained is a class's logit.
bool has_linear_parts(MapGraph& graph, const TargetLayer& layer, PartsOf parts);

/// y of the class of each item (int64 [n]) with each channel set to 0, float32 [n, K]. Needs has_linear_parts(graph,
/// layer, PartsOf::channels).
model::Value scores_without_each_channel(MapGraph& graph, const TargetLayer& layer, const model::Value& classes);

/// y of the class of each item with each position alone, all others 0, float32 [n, positions]. Needs
/// PartsOf::positions.
model::Value scores_of_each_position(MapGraph& graph, const TargetLayer& layer, const model::Value& classes);

}  // namespace locus::explain
