#pragma once

/// How often each image is drawn, and what becomes of a metric then.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "evaluate/image_record.hpp"
#include "evaluate/metrics/metric.hpp"

namespace locus::evaluate {

/// Draws images with replacement: counts[i] is how often image i of `images` was drawn. Depends on seed and number of
/// the draw alone.
std::vector<std::uint16_t> draw(std::uint64_t seed, std::uint64_t number, std::size_t images);

/// One metric of one row as a function of how often each image counts. NaN where no image that counts has a value.
using WeighedMetric = std::function<double(std::span<const std::uint16_t> counts)>;

/// `rows[i]` are the scores of image i. The function refers to nothing of the arguments.
WeighedMetric weighed_metric(const Metric& metric, std::span<const ImageScores* const> rows, double step);

/// The values at which 2.5 % and 97.5 % of the draws lie, interpolated; NaN where none is a number.
struct Interval {
    double low = 0, high = 0;
};
Interval interval_of(std::vector<double> draws);

/// Two-sided p of a difference of 0, see summary.hpp.
double two_sided_p(std::span<const double> differences);

}  // namespace locus::evaluate
