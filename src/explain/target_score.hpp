#pragma once

/// The number that is explained: a class's logit unless told otherwise.
///
///     explain::TargetScore target{.kind = explain::TargetKind::probability};
///     double y = explain::score(target, logits_of_an_item, 281, network.head.activation);
///     // Its gradient by the logits, as nodes:
///     model::Seed seed = explain::write_seed(emit, network, target, logits, classes);
///
/// | kind | y |
/// | --- | --- |
/// | logit | y_c; for a single score (regression) the score itself |
/// | probability | softmax or sigmoid of the logits, at c |
/// | difference | y_c - alpha * mean of the nearest classes' logits (finer-cam) |
/// | mask | mean of the class's logits over a mask (segmentation networks, scores [n, C, h, w]) |
/// | similarity | cosine of the scores (an embedding) with a reference vector |

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "explain/network.hpp"
#include "locus/tensor.hpp"
#include "model/derivative.hpp"
#include "model/derivative_expression.hpp"

namespace locus::explain {

enum class TargetKind { logit, probability, difference, mask, similarity };

struct TargetScore {
    TargetKind kind = TargetKind::logit;
    bool chosen =
        false;  ///< by the user: rise and occlusion, which explain the probability unless told otherwise, take it
    double alpha = 0.6;  ///< difference: weight of the other classes (torch-cam's; pytorch-grad-cam has 1)
    int nearest = 3;     ///< difference: how many other classes, those whose logits are nearest to the class's own
    /// Mask: [h, w] at the scores' resolution, any number type, above 0 counts; none: everywhere.
    std::optional<Tensor> mask;
    std::optional<Tensor> reference;  ///< similarity: the embedding to compare with, as many values as scores
};

/// What is wrong with the target `difference` for a single score.
inline constexpr const char* one_class_has_no_difference =
    "the difference to the nearest classes needs two classes, and the network has one";

/// Throws Error(usage) where the target is `similarity` and there is nothing to compare with, or what holds no direction
/// (all 0, or a number that is not finite), and where a mask or a reference is given for another target.
void require_suitable(const TargetScore& target);

/// How many classes and positions scores have, of the shape [n], [n, C] or [n, C, h, w], or [n, C] with axes of extent 1
/// anywhere behind the batch; below 1 where the shape does not tell.
struct ScoreExtents {
    std::int64_t classes = 1, positions = 1;
};
ScoreExtents score_extents(const Shape& scores);

/// y of one item. `logits` are the item's scores, for `mask` [C, h, w] flattened.
double score(const TargetScore& target, std::span<const float> logits, std::int64_t index,
             model::Activation activation);

/// The mask's weights over the scores' positions, [1, 1, positions], adding up to 1. Throws Error(usage) where it does
/// not fit or is empty.
Tensor mask_weights(const TargetScore& target, std::int64_t positions);

/// The classes subtracted by `difference`: other than `index`, nearest logits first.
std::vector<std::int64_t> nearest_classes(std::span<const float> logits, std::int64_t index, int count);

/// Nodes for dy/d(logits). `logits` is the graph's own tensor, of a shape that score_extents tells of; `classes` int64
/// [n].
model::Seed write_seed(model::Emitter& emit, const Network& network, const TargetScore& target,
                       const std::string& logits, const model::Value& classes);

}  // namespace locus::explain
