#pragma once

/// PxAP (Choe et al., CVPR 2020): average precision of pixels against masks, pooled over a data set.
///
///     evaluate::PixelPrecision pixels(evaluate::thresholds(0.001));
///     pixels.add(scores, mask);            // each image, in any order
///     pixels.average_precision();          // percent

#include <cstdint>
#include <span>
#include <vector>

namespace locus::evaluate {

/// Mask values: the object, what is not, and what is left out.
constexpr std::uint8_t mask_background = 0, mask_object = 1, mask_ignore = 255;

/// A point of the precision-recall curve.
struct PrecisionRecall {
    double threshold = 0, precision = 0, recall = 0;
};

/// Counts over images; the counts of two parts of a data set add up.
class PixelPrecision {
public:
    explicit PixelPrecision(std::vector<double> thresholds);

    /// Scores 0 ... 1 and mask of the same pixels. Throws Error(usage) where their numbers differ.
    void add(std::span<const double> scores, std::span<const std::uint8_t> mask);
    void add(const PixelPrecision& other, std::int64_t times = 1);

    /// Percent: sum of P_i (R_i - R_{i-1}) from the highest bin down. Throws Error(usage) where no pixel of any mask is an object's.
    double average_precision() const;
    /// From the highest threshold to the lowest, bins without pixels left out.
    std::vector<PrecisionRecall> curve() const;

    bool has_object() const;
    const std::vector<std::int64_t>& object_counts() const { return object_; }
    const std::vector<std::int64_t>& background_counts() const { return background_; }

private:
    std::size_t bin_of(double score) const;

    std::vector<double> edges_;  ///< thresholds, then 1, 2, 3: bin i holds edges_[i] <= score < edges_[i + 1]
    std::vector<std::int64_t> object_, background_;
};

}  // namespace locus::evaluate
