#include "evaluate/summary.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/core.h>

#include "evaluate/metrics/bootstrap.hpp"
#include "evaluate/metrics/thresholds.hpp"

namespace locus::evaluate {
namespace {

/// Calls work(0 ... count - 1) on several threads. `work` must not throw.
void in_parallel(std::size_t count, int threads, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    const auto run = [&] {
        for (std::size_t i = next++; i < count; i = next++) work(i);
    };
    std::vector<std::jthread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back(run);
    run();
}

std::vector<double> mean_curve(const std::vector<const ImageScores*>& scores, std::vector<double> ImageScores::*curve) {
    std::vector<double> mean;
    std::int64_t count = 0;
    for (const ImageScores* image : scores) {
        const std::vector<double>& values = image->*curve;
        if (values.empty()) continue;
        mean.resize(std::max(mean.size(), values.size()));
        for (std::size_t i = 0; i < values.size(); ++i) mean[i] += values[i];
        ++count;
    }
    for (double& value : mean) value /= static_cast<double>(count);
    return mean;
}

void add_curves(RowSummary& row, const std::vector<const ImageScores*>& scores, double step) {
    BoxAccuracy boxes(thresholds(step));
    PixelPrecision pixels(thresholds(step));
    for (const ImageScores* image : scores) {
        if (image->hits) boxes.add(*image->hits);
        pixels.add(image->pixels);
    }
    if (boxes.images() > 0) {
        row.thresholds = boxes.thresholds();
        const auto percent = [&](const std::vector<std::int64_t>& right) {
            std::vector<double> values;
            for (const std::int64_t count : right) {
                values.push_back(static_cast<double>(count) * 100.0 / static_cast<double>(boxes.images()));
            }
            return values;
        };
        row.largest_accuracy = percent(boxes.right_by_largest());
        for (std::size_t d = 0; d < box_overlaps.size(); ++d) {
            row.any_accuracy[fmt::format("{:.1f}", box_overlaps[d])] = percent(boxes.right_by_any(d));
        }
    }
    if (pixels.has_object()) row.precision_recall = pixels.curve();
    row.insertion = mean_curve(scores, &ImageScores::insertion);
    row.deletion = mean_curve(scores, &ImageScores::deletion);
}

std::int64_t images_with(const Metric& metric, const std::vector<const ImageScores*>& scores) {
    return std::count_if(scores.begin(), scores.end(), [&](const ImageScores* image) {
        if (metric.pooling == Pooling::box_hits) return image->hits.has_value();
        if (metric.pooling == Pooling::pixel_counts) return !image->pixels.empty();
        return image->values.contains(metric.name);
    });
}

/// A metric of a row as a function of how often each image counts, and its values on the bootstrap's draws.
struct Entry {
    std::size_t row;
    const Metric* metric;
    WeighedMetric function;
    std::vector<double> draws{};
};

using Measured = std::vector<const ImageRecord*>;

/// Curves and point values of every row; one entry for each value.
std::vector<Entry> add_values(Summary& summary, const Measured& measured, const std::vector<RowName>& rows,
                              const std::vector<Metric>& metrics, double step) {
    const std::vector<std::uint16_t> once(measured.size(), 1);
    std::vector<Entry> entries;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        RowSummary& row = summary.rows.emplace_back();
        row.name = rows[r];
        std::vector<const ImageScores*> scores;
        for (const ImageRecord* record : measured) scores.push_back(&record->rows[r]);
        add_curves(row, scores, step);
        for (const Metric& metric : metrics) {
            const std::int64_t count = images_with(metric, scores);
            if (count == 0) continue;
            WeighedMetric function = weighed_metric(metric, scores, step);
            const double value = function(once);
            if (std::isnan(value)) continue;
            row.cells[metric.name] = {.value = value, .images = count};
            entries.push_back({r, &metric, std::move(function)});
        }
    }
    return entries;
}

void add_intervals(Summary& summary, std::vector<Entry>& entries, const SummaryOptions& options) {
    const auto resamples = static_cast<std::size_t>(options.resamples);
    for (Entry& entry : entries) entry.draws.resize(resamples);
    in_parallel(resamples, options.threads, [&](std::size_t number) {
        const auto counts = draw(options.seed, number, static_cast<std::size_t>(summary.images));
        for (Entry& entry : entries) entry.draws[number] = entry.function(counts);
    });
    for (const Entry& entry : entries) {
        Cell& cell = summary.rows[entry.row].cells[entry.metric->name];
        const Interval interval = interval_of(entry.draws);
        cell.low = interval.low;
        cell.high = interval.high;
    }
}

/// Differences of one metric between two rows, drawn in pairs; those of baselines are no question.
void add_comparisons(Summary& summary, const std::vector<Entry>& entries) {
    const auto row_of = [&](const Entry& entry) -> const RowSummary& { return summary.rows[entry.row]; };
    for (auto a = entries.begin(); a != entries.end(); ++a) {
        for (auto b = a + 1; b != entries.end(); ++b) {
            if (a->metric != b->metric || a->row == b->row || row_of(*a).name.is_baseline ||
                row_of(*b).name.is_baseline)
                continue;
            std::vector<double> differences(a->draws.size());
            std::transform(a->draws.begin(), a->draws.end(), b->draws.begin(), differences.begin(), std::minus<>());
            const std::string& metric = a->metric->name;
            const double difference = row_of(*a).cells.at(metric).value - row_of(*b).cells.at(metric).value;
            const Interval interval = interval_of(differences);
            summary.comparisons.push_back(
                {a->row, b->row, metric, difference, interval.low, interval.high, two_sided_p(differences)});
        }
    }
}

void add_classes(Summary& summary, const Measured& measured, const std::vector<Entry>& entries) {
    std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> by_class;  // label and key
    for (std::size_t i = 0; i < measured.size(); ++i) {
        if (!measured[i]->label.empty()) by_class[{measured[i]->label, measured[i]->class_key}].push_back(i);
    }
    for (const auto& [name, members] : by_class) {
        std::vector<std::uint16_t> counts(measured.size());
        for (const std::size_t i : members) counts[i] = 1;
        ClassSummary& entry = summary.classes.emplace_back();
        std::tie(entry.label, entry.key) = name;
        entry.images = static_cast<std::int64_t>(members.size());
        entry.rows.resize(summary.rows.size());
        for (const Entry& e : entries) {
            const double value = e.function(counts);
            if (!std::isnan(value)) entry.rows[e.row][e.metric->name] = value;
        }
    }
}

}  // namespace

Summary summarize(const std::vector<ImageRecord>& records, const std::vector<RowName>& rows,
                  const std::vector<Metric>& metrics, const SummaryOptions& options) {
    Summary summary;
    Measured measured;
    for (const ImageRecord& record : records) {
        if (record.error.empty()) {
            measured.push_back(&record);
        } else {
            ++summary.failed;
        }
    }
    summary.images = static_cast<std::int64_t>(measured.size());
    std::vector<Entry> entries = add_values(summary, measured, rows, metrics, options.step);
    if (options.resamples > 0) {
        add_intervals(summary, entries, options);
        add_comparisons(summary, entries);
    }
    add_classes(summary, measured, entries);
    return summary;
}

}  // namespace locus::evaluate
