#pragma once

/// Answers that look at nothing: what a method must beat.

#include <cstdint>
#include <string>
#include <vector>

#include "evaluate/metrics/score_map.hpp"
#include "locus/map.hpp"

namespace locus::evaluate {

enum class Baseline {
    whole_image,
    centred_box,      ///< sides of 1 / sqrt(2) of the image's: half its area
    centre_gaussian,  ///< deviation a quarter of each side
    random,           ///< 14 x 14 positions, each uniform in 0 ... 1
};

/// All of them, in the order of tables.
const std::vector<Baseline>& baselines();
std::string name(Baseline baseline);

/// The baseline as a map of an image of width x height; `seed` is the image's own.
Map baseline_map(Baseline baseline, int width, int height, std::uint64_t seed);

/// The same as it is scored: 1 everywhere for the whole image, where the rule for constant maps would give zeros.
ScoreMap baseline_scores(Baseline baseline, int side, std::uint64_t seed);

}  // namespace locus::evaluate
