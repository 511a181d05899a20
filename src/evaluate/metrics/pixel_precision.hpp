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

/// How many pixels of an object, and of what is not, have scores in one bin.
struct PixelBin {
    std::uint32_t bin = 0, object = 0, background = 0;

    bool operator==(const PixelBin&) const = default;
};

/// Counts over images; the counts of two parts of a data set add up.
class PixelPrecision {
public:
    explicit PixelPrecision(std::vector<double> thresholds);

    /// Scores 0 ... 1 and mask of the same pixels. Throws Error(usage) where their numbers differ.
    void add(std::span<const double> scores, std::span<const std::uint8_t> mask);
    /// Bins of another set with the same thresholds. Throws Error(usage) for a bin that is not there.
    void add(std::span<const PixelBin> bins, std::int64_t times = 1);
    /// The bins that are not empty.
    std::vector<PixelBin> bins() const;

    /// Percent: sum of P_i (R_i - R_{i-1}) from the highest bin down. Throws Error(usage) where no pixel of any mask is
    /// an object's.
    double average_precision() const;
    /// From the highest threshold to the lowest, bins without pixels left out.
    std::vector<PrecisionRecall> curve() const;

    bool has_object() const;

private:
    std::size_t bin_of(double score) const;

    std::vector<double> edges_;  ///< thresholds, then 1, 2, 3: bin i holds edges_[i] <= score < edges_[i + 1]
    std::vector<std::int64_t> object_, background_;
};

}  // namespace locus::evaluate
