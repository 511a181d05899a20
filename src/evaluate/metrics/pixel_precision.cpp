#include "evaluate/metrics/pixel_precision.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::evaluate {

PixelPrecision::PixelPrecision(std::vector<double> thresholds) : edges_(std::move(thresholds)) {
    edges_.insert(edges_.end(), {1.0, 2.0, 3.0});
    object_.resize(edges_.size() - 1);
    background_.resize(edges_.size() - 1);
}

std::size_t PixelPrecision::bin_of(double score) const {
    // Thresholds are evenly spaced up to rounding: guess, then compare with the edges themselves.
    const std::size_t count = edges_.size() - 3;
    auto bin = static_cast<std::size_t>(std::clamp(score, 0.0, 1.0) * static_cast<double>(count));
    bin = std::min(bin, count);
    while (bin > 0 && score < edges_[bin]) --bin;
    while (bin + 2 < edges_.size() && score >= edges_[bin + 1]) ++bin;
    return bin;
}

void PixelPrecision::add(std::span<const double> scores, std::span<const std::uint8_t> mask) {
    if (scores.size() != mask.size()) {
        throw Error(ErrorKind::usage,
                    fmt::format("a mask of {} pixels does not fit a map of {}", mask.size(), scores.size()));
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
        if (mask[i] == mask_object) {
            ++object_[bin_of(scores[i])];
        } else if (mask[i] == mask_background) {
            ++background_[bin_of(scores[i])];
        }
    }
}

void PixelPrecision::add(std::span<const PixelBin> bins, std::int64_t times) {
    for (const PixelBin& bin : bins) {
        if (bin.bin >= object_.size()) {
            throw Error(ErrorKind::usage,
                        fmt::format("there is no bin {}: the thresholds make {}", bin.bin, object_.size()));
        }
        object_[bin.bin] += times * bin.object;
        background_[bin.bin] += times * bin.background;
    }
}

std::vector<PixelBin> PixelPrecision::bins() const {
    std::vector<PixelBin> filled;
    for (std::size_t i = 0; i < object_.size(); ++i) {
        if (object_[i] + background_[i] == 0) continue;
        filled.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(object_[i]),
                          static_cast<std::uint32_t>(background_[i])});
    }
    return filled;
}

bool PixelPrecision::has_object() const {
    return std::any_of(object_.begin(), object_.end(), [](std::int64_t count) { return count > 0; });
}

std::vector<PrecisionRecall> PixelPrecision::curve() const {
    const auto objects = static_cast<double>(std::accumulate(object_.begin(), object_.end(), std::int64_t{0}));
    std::vector<PrecisionRecall> points;
    std::int64_t object = 0, background = 0;
    for (std::size_t i = object_.size(); i-- > 0;) {
        object += object_[i];
        background += background_[i];
        if (object + background == 0) continue;
        points.push_back({edges_[i], static_cast<double>(object) / static_cast<double>(object + background),
                          objects > 0 ? static_cast<double>(object) / objects : 0.0});
    }
    return points;
}

double PixelPrecision::average_precision() const {
    if (!has_object())
        throw Error(ErrorKind::usage, "no pixel of any mask is an object's (1): PxAP has no meaning here");
    double sum = 0, recall = 0;
    for (const PrecisionRecall& point : curve()) {
        sum += point.precision * (point.recall - recall);
        recall = point.recall;
    }
    return sum * 100;
}

}  // namespace locus::evaluate
