#pragma once

/// Tables out of records.
///
///     evaluate::Summary summary = evaluate::summarize(records, rows, metrics, {.seed = 0});
///     summary.rows[0].cells.at("maxboxacc").value;       // percent, with .low and .high
///
/// Intervals are those of the bootstrap over images (percentile, 95 %): images are drawn with replacement, the whole
/// metric is computed anew, as often as `resamples` says. Every row sees the same draws, so the difference of two rows
/// has an interval of its own, from which the paired test is made: p is twice the share of draws on the wrong side of 0
/// (each side counts at least one draw more than found, so p is never 0).

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"
#include "evaluate/metrics/metric.hpp"

namespace locus::evaluate {

/// What is compared: a method of a model, or a baseline.
struct RowName {
    std::string model;  ///< see model_names.hpp; empty for baselines and for maps made elsewhere
    std::string method;
    bool is_baseline = false;

    bool operator==(const RowName&) const = default;
};

struct Cell {
    double value = 0;
    double low = std::numeric_limits<double>::quiet_NaN(), high = low;  ///< 95 % interval; NaN where nothing is drawn
    std::int64_t images = 0;                                            ///< that have a value
};

struct RowSummary {
    RowName name;
    std::map<std::string, Cell> cells;                        ///< by metric; only those that any image has
    std::vector<double> thresholds;                           ///< of the box accuracies
    std::vector<double> largest_accuracy;                     ///< percent at each threshold, IoU 0.5, largest contour
    std::map<std::string, std::vector<double>> any_accuracy;  ///< the same for any contour by IoU: "0.3", "0.5", "0.7"
    std::vector<PrecisionRecall> precision_recall;
    std::vector<double> insertion, deletion;  ///< mean curves
};

/// Two rows on the same images: a less b.
struct Comparison {
    std::size_t a = 0, b = 0;  ///< rows
    std::string metric;
    double difference = 0, low = 0, high = 0;
    double p = 1;
};

struct ClassSummary {
    std::string label;  ///< its name
    std::string key;    ///< what the data call it: several classes may have one name
    std::int64_t images = 0;
    std::vector<std::map<std::string, double>> rows;  ///< per row, by metric
};

struct Summary {
    std::vector<RowSummary> rows;
    std::vector<Comparison> comparisons;  ///< of all pairs of methods, baselines apart
    std::vector<ClassSummary> classes;    ///< by label, then by key, where there are any
    std::int64_t images = 0;              ///< measured
    std::int64_t failed = 0;
};

struct SummaryOptions {
    double step = 0.001;
    std::uint64_t seed = 0;
    int resamples = 1000;  ///< 0: no intervals, no test
    int threads = 1;
};

/// `records` in the order of the images; those with an error are left out.
Summary summarize(const std::vector<ImageRecord>& records, const std::vector<RowName>& rows,
                  const std::vector<Metric>& metrics, const SummaryOptions& options);

}  // namespace locus::evaluate
