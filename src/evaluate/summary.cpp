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

}  // namespace

Summary summarize(const std::vector<ImageRecord>& records, const std::vector<RowName>& rows,
                  const std::vector<Metric>& metrics, const SummaryOptions& options) {
    Summary summary;
    std::vector<const ImageRecord*> measured;
    for (const ImageRecord& record : records) {
        if (record.error.empty()) {
            measured.push_back(&record);
        } else {
            ++summary.failed;
        }
    }
    summary.images = static_cast<std::int64_t>(measured.size());
    const std::size_t images = measured.size();
    const std::vector<std::uint16_t> once(images, 1);
    const auto scores_of = [&](std::size_t row) {
        std::vector<const ImageScores*> scores;
        for (const ImageRecord* record : measured) scores.push_back(&record->rows[row]);
        return scores;
    };

    struct Entry {
        std::size_t row;
        const Metric* metric;
        WeighedMetric function;
        std::vector<double> draws;
    };
    std::vector<Entry> entries;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        RowSummary& row = summary.rows.emplace_back();
        row.name = rows[r];
        const std::vector<const ImageScores*> scores = scores_of(r);
        add_curves(row, scores, options.step);
        for (const Metric& metric : metrics) {
            const std::int64_t count = images_with(metric, scores);
            if (count == 0) continue;
            WeighedMetric function = weighed_metric(metric, scores, options.step);
            const double value = function(once);
            if (std::isnan(value)) continue;
            row.cells[metric.name] = {.value = value, .images = count};
            entries.push_back(
                {r, &metric, std::move(function), std::vector<double>(static_cast<std::size_t>(options.resamples))});
        }
    }

    in_parallel(static_cast<std::size_t>(options.resamples), options.threads, [&](std::size_t number) {
        const std::vector<std::uint16_t> counts = draw(options.seed, number, images);
        for (Entry& entry : entries) entry.draws[number] = entry.function(counts);
    });
    if (options.resamples > 0) {
        for (const Entry& entry : entries) {
            Cell& cell = summary.rows[entry.row].cells[entry.metric->name];
            const Interval interval = interval_of(entry.draws);
            cell.low = interval.low;
            cell.high = interval.high;
        }
        for (std::size_t i = 0; i < entries.size(); ++i) {
            for (std::size_t k = i + 1; k < entries.size(); ++k) {
                const Entry &a = entries[i], &b = entries[k];
                if (a.metric != b.metric || a.row == b.row || rows[a.row].is_baseline || rows[b.row].is_baseline)
                    continue;
                std::vector<double> differences(a.draws.size());
                std::transform(a.draws.begin(), a.draws.end(), b.draws.begin(), differences.begin(), std::minus<>());
                const Interval interval = interval_of(differences);
                const double difference =
                    summary.rows[a.row].cells[a.metric->name].value - summary.rows[b.row].cells[b.metric->name].value;
                summary.comparisons.push_back(
                    {a.row, b.row, a.metric->name, difference, interval.low, interval.high, two_sided_p(differences)});
            }
        }
    }

    std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> by_class;  // label and key
    for (std::size_t i = 0; i < images; ++i) {
        if (!measured[i]->label.empty()) by_class[{measured[i]->label, measured[i]->class_key}].push_back(i);
    }
    for (const auto& [name, members] : by_class) {
        std::vector<std::uint16_t> counts(images);
        for (const std::size_t i : members) counts[i] = 1;
        ClassSummary& entry = summary.classes.emplace_back();
        std::tie(entry.label, entry.key) = name;
        entry.images = static_cast<std::int64_t>(members.size());
        entry.rows.resize(rows.size());
        for (const Entry& e : entries) {
            const double value = e.function(counts);
            if (!std::isnan(value)) entry.rows[e.row][e.metric->name] = value;
        }
    }
    return summary;
}

}  // namespace locus::evaluate
