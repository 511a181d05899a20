#pragma once

/// The baselines on every image of a run. They do not look at the images, so what can be computed of them is computed
/// once: the contours on the square where MaxBoxAcc is scored, and the box in images of one size. What is left for each
/// image is to compare with its true boxes.
///
///     evaluate::BaselineScorer baselines(options, seed);
///     baselines.score(truth, 17);       // of the image numbered 17: one ImageScores a baseline
///
/// The random map of an image is one of a hundred (fewer where the square is large), drawn by its number.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "evaluate/metrics/map_scores.hpp"

namespace locus::evaluate {

class BaselineScorer {
public:
    BaselineScorer(LocalizationOptions options, std::uint64_t seed);
    ~BaselineScorer();
    BaselineScorer(BaselineScorer&&) noexcept;

    /// In the order of baselines(). May be called from several threads at once.
    std::vector<ImageScores> score(const ImageTruth& truth, std::size_t image) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace locus::evaluate
