#include "evaluate/metrics/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "evaluate/metrics/thresholds.hpp"
#include "evaluate/random.hpp"

namespace locus::evaluate {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Mean over the images that have the value.
WeighedMetric weighed_mean(const Metric& metric, std::span<const ImageScores* const> rows) {
    struct Value {
        std::uint32_t image;
        double value;
    };
    std::vector<Value> values;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto found = rows[i]->values.find(metric.name);
        if (found != rows[i]->values.end()) values.push_back({static_cast<std::uint32_t>(i), found->second});
    }
    const double unit = metric.pooling == Pooling::percent ? 100.0 : 1.0;
    return [values = std::move(values), unit](std::span<const std::uint16_t> counts) {
        double sum = 0;
        std::int64_t images = 0;
        for (const Value& v : values) {
            sum += counts[v.image] * v.value;
            images += counts[v.image];
        }
        return images == 0 ? none : sum / static_cast<double>(images) * unit;
    };
}

/// Hits come in runs of levels: a draw adds its count where a run begins and takes it away behind its end, so that one
/// running sum over the levels gives the right images at each of them.
class LevelRuns {
public:
    void add(std::uint32_t image, const std::bitset<256>& hits) {
        bool inside = false;
        for (std::size_t level = 0; level < 256; ++level) {
            if (hits[level] == inside) continue;
            inside = hits[level];
            edges_.push_back({image, static_cast<std::uint16_t>(level), static_cast<std::int16_t>(inside ? 1 : -1)});
        }
    }

    std::int64_t best(std::span<const std::uint16_t> counts, std::span<const std::uint8_t> levels_used) const {
        std::array<std::int64_t, 256> change{};
        for (const Edge& edge : edges_) change[edge.level] += edge.sign * std::int64_t{counts[edge.image]};
        std::int64_t right = 0, best = 0;
        for (std::size_t level = 0; level < 256; ++level) {
            right += change[level];
            if (levels_used[level] != 0) best = std::max(best, right);
        }
        return best;
    }

private:
    struct Edge {
        std::uint32_t image;
        std::uint16_t level;
        std::int16_t sign;
    };
    std::vector<Edge> edges_;
};

/// A scored map's maximum is 255, or 0 where it is constant: then every threshold cuts at level 0.
WeighedMetric weighed_box_accuracy(const Metric& metric, std::span<const ImageScores* const> rows, double step) {
    std::array<std::uint8_t, 256> levels_used{};
    for (const double threshold : thresholds(step)) levels_used[static_cast<std::size_t>(level_of(threshold, 255))] = 1;
    const bool only_largest = metric.name == "maxboxacc";
    std::vector<LevelRuns> runs(only_largest ? 1 : 3);
    std::vector<std::uint32_t> images;
    const auto at_all_levels = [](const std::bitset<256>& hits, int maximum) {
        if (maximum == 255) return hits;
        std::bitset<256> all;  // brought to the levels of a map with maximum 255
        for (int level = 0; level < 256; ++level) {
            all[static_cast<std::size_t>(level)] = hits[static_cast<std::size_t>(level * maximum / 255)];
        }
        return all;
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i]->hits) continue;
        const auto image = static_cast<std::uint32_t>(i);
        const BoxHits& hits = *rows[i]->hits;
        images.push_back(image);
        if (only_largest) {
            runs[0].add(image, at_all_levels(hits.largest, hits.maximum));
        } else {
            for (std::size_t d = 0; d < 3; ++d) runs[d].add(image, at_all_levels(hits.any[d], hits.maximum));
        }
    }
    return [runs = std::move(runs), images = std::move(images), levels_used](std::span<const std::uint16_t> counts) {
        std::int64_t drawn = 0;
        for (const std::uint32_t image : images) drawn += counts[image];
        if (drawn == 0) return none;
        double sum = 0;
        for (const LevelRuns& overlap : runs) {
            sum += static_cast<double>(overlap.best(counts, levels_used)) * 100.0 / static_cast<double>(drawn);
        }
        return sum / static_cast<double>(runs.size());
    };
}

WeighedMetric weighed_pixel_precision(std::span<const ImageScores* const> rows, double step) {
    std::vector<std::pair<std::uint32_t, std::vector<PixelBin>>> images;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!rows[i]->pixels.empty()) images.emplace_back(static_cast<std::uint32_t>(i), rows[i]->pixels);
    }
    return
        [images = std::move(images), empty = PixelPrecision(thresholds(step))](std::span<const std::uint16_t> counts) {
            PixelPrecision total = empty;
            for (const auto& [image, bins] : images) {
                if (counts[image] != 0) total.add(bins, counts[image]);
            }
            return total.has_object() ? total.average_precision() : none;
        };
}

}  // namespace

std::vector<std::uint16_t> draw(std::uint64_t seed, std::uint64_t number, std::size_t images) {
    std::vector<std::uint16_t> counts(images);
    Random random(seed_of(seed, number));
    for (std::size_t i = 0; i < images; ++i) {
        std::uint16_t& count = counts[random.below(static_cast<std::uint32_t>(images))];
        if (count != std::numeric_limits<std::uint16_t>::max()) ++count;
    }
    return counts;
}

WeighedMetric weighed_metric(const Metric& metric, std::span<const ImageScores* const> rows, double step) {
    switch (metric.pooling) {
        case Pooling::box_hits:
            return weighed_box_accuracy(metric, rows, step);
        case Pooling::pixel_counts:
            return weighed_pixel_precision(rows, step);
        case Pooling::mean:
        case Pooling::percent:
            break;
    }
    return weighed_mean(metric, rows);
}

Interval interval_of(std::vector<double> draws) {
    std::erase_if(draws, [](double value) { return std::isnan(value); });
    if (draws.empty()) return {none, none};
    std::sort(draws.begin(), draws.end());
    const auto at = [&](double share) {
        const double place = share * static_cast<double>(draws.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, draws.size() - 1);
        return draws[below] + (draws[above] - draws[below]) * (place - static_cast<double>(below));
    };
    return {at(0.025), at(0.975)};
}

double two_sided_p(std::span<const double> differences) {
    std::int64_t low = 0, high = 0, all = 0;
    for (const double difference : differences) {
        if (std::isnan(difference)) continue;
        ++all;
        low += difference <= 0 ? 1 : 0;
        high += difference >= 0 ? 1 : 0;
    }
    const auto share = [&](std::int64_t count) {
        return static_cast<double>(count + 1) / static_cast<double>(all + 1);
    };
    return std::min(1.0, 2 * std::min(share(low), share(high)));
}

}  // namespace locus::evaluate
