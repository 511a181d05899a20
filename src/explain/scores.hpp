#pragma once

/// Probabilities and ranks from logits.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/head.hpp"

namespace locus::explain {

/// Logits, at least one, become shares of 1: exp(v) over the sum of all, the maximum subtracted first.
void softmax(std::span<double> values);

/// Softmax of the logits, or the sigmoid of each for multi-label models (`activation` sigmoid) and for a single score.
/// Computed in double precision.
std::vector<double> probabilities(std::span<const float> logits, model::Activation activation);

/// 1 for the greatest logit; equal ones count by index.
int rank_of(std::span<const float> logits, std::int64_t index);

/// Indices of the k greatest logits, greatest first, equal ones by index.
std::vector<std::int64_t> best_classes(std::span<const float> logits, int k);

}  // namespace locus::explain
