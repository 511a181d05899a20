#pragma once

/// Which of a model's outputs are a classifier's scores.
///
///     model::score_outputs(model);              // {"probabilities"}, though "confidence" and "top 5" stand behind it
///     model::require_scores(model, "label");    // throws: class numbers, made by ArgMax

#include <string>
#include <vector>

#include "model/graph.hpp"

namespace locus::model {

/// Outputs that can be a classifier's scores, the likeliest first: of floating-point numbers [n, classes], else [n,
/// classes, h, w], else of any shape; axes of extent 1 do not count. Left out are those that others are computed from by
/// layers or element by element (embeddings, layers made outputs, logits before their probabilities), and those picked,
/// sorted or reduced over the classes from another one (top 5, confidence, entropy). Those called logits, scores or
/// probabilities go before the rest, and only probabilities or the like computed from them take their place.
std::vector<std::string> score_outputs(const Model& model);

/// Throws Error(unsupported) for a tensor of class numbers or of sorted values, naming the scores they were made from:
/// which class a value belongs to differs from photo to photo.
void require_scores(const Model& model, const std::string& tensor);

}  // namespace locus::model
