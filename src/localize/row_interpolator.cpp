#include "localize/row_interpolator.hpp"

#include <algorithm>
#include <cmath>
#include <new>

#include <fmt/core.h>

#include "localize/size_limit.hpp"
#include "locus/error.hpp"
#include "vectorised.hpp"

namespace locus::localize {
namespace {

void require_usable(const Map& raw, int width, int height, const Region& region) {
    const auto count =
        static_cast<std::size_t>(std::max(raw.width, 0)) * static_cast<std::size_t>(std::max(raw.height, 0));
    if (raw.width <= 0 || raw.height <= 0 || raw.values.size() != count) {
        throw Error(
            ErrorKind::usage,
            fmt::format(
                "a map of {} x {} with {} values cannot be resized: it needs at least one position and one value "
                "for each",
                raw.width, raw.height, raw.values.size()));
    }
    if (width <= 0 || height <= 0) {
        throw Error(
            ErrorKind::usage,
            fmt::format("a map cannot be resized to {} x {} pixels: both sides must be at least 1", width, height));
    }
    require_size(width, height);
    for (const double value : {region.x, region.y, region.width, region.height}) {
        if (std::isfinite(value)) continue;
        throw Error(ErrorKind::usage,
                    fmt::format("a region of {} x {} pixels at ({}, {}) is not possible: its numbers are finite",
                                region.width, region.height, region.x, region.y));
    }
    if (!(region.width > 0) || !(region.height > 0)) {
        throw Error(ErrorKind::usage,
                    fmt::format("a region of {} x {} pixels at ({}, {}) has no area: nothing of the photo was seen",
                                region.width, region.height, region.x, region.y));
    }
}

/// out[i] = a[i] + (b[i] - a[i]) * fraction
LOCUS_VECTORISED
void mix(const float* a, const float* b, float fraction, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; ++i) out[i] = a[i] + (b[i] - a[i]) * fraction;
}

}  // namespace

AxisPositions axis_positions(int positions, int pixels, double origin, double size) {
    AxisPositions axis;
    // Pixel i is inside where origin <= i + 0.5 < origin + size.
    axis.first = static_cast<int>(std::clamp(std::ceil(origin - 0.5), 0.0, static_cast<double>(pixels)));
    axis.last = static_cast<int>(
        std::clamp(std::ceil(origin + size - 0.5), static_cast<double>(axis.first), static_cast<double>(pixels)));
    const auto count = static_cast<std::size_t>(axis.last - axis.first);
    axis.left.resize(count);
    axis.right.resize(count);
    axis.fraction.resize(count);
    for (int i = axis.first; i < axis.last; ++i) {
        const double u = std::clamp(((i + 0.5) - origin) / size * positions - 0.5, 0.0, positions - 1.0);
        const int left = static_cast<int>(u);
        const auto k = static_cast<std::size_t>(i - axis.first);
        axis.left[k] = left;
        axis.right[k] = std::min(left + 1, positions - 1);
        axis.fraction[k] = static_cast<float>(u - left);
    }
    return axis;
}

RowInterpolator::RowInterpolator(const Map& raw, int width, int height)
    : RowInterpolator(raw, width, height, {0, 0, static_cast<double>(width), static_cast<double>(height)}) {}

RowInterpolator::RowInterpolator(const Map& raw, int width, int height, const Region& region)
    : width_(width), height_(height), outside_(0) {
    require_usable(raw, width, height, region);
    for (const float value : raw.values) {
        if (std::isfinite(value)) outside_ = std::min(outside_, value);
    }
    try {
        columns_ = axis_positions(raw.width, width, region.x, region.width);
        rows_ = axis_positions(raw.height, height, region.y, region.height);
        const std::size_t count = columns_.fraction.size();
        stretched_.resize(count * static_cast<std::size_t>(raw.height));
        for (int y = 0; y < raw.height; ++y) {
            const float* source = raw.values.data() + static_cast<std::size_t>(y) * raw.width;
            float* target = stretched_.data() + static_cast<std::size_t>(y) * count;
            for (std::size_t i = 0; i < count; ++i) {
                const float a = source[columns_.left[i]];
                const float b = source[columns_.right[i]];
                target[i] = a + (b - a) * columns_.fraction[i];
            }
        }
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("no memory for a map of {} x {} stretched to {} columns",
                                                     raw.width, raw.height, width));
    }
}

void RowInterpolator::row(int y, std::span<float> out) const {
    float* target = out.data();
    if (y < rows_.first || y >= rows_.last || columns_.fraction.empty()) {
        std::fill_n(target, width_, outside_);
        return;
    }
    const auto k = static_cast<std::size_t>(y - rows_.first);
    const std::size_t count = columns_.fraction.size();
    const float* above = stretched_.data() + static_cast<std::size_t>(rows_.left[k]) * count;
    const float* below = stretched_.data() + static_cast<std::size_t>(rows_.right[k]) * count;
    std::fill_n(target, columns_.first, outside_);
    float* inside = target + columns_.first;
    mix(above, below, rows_.fraction[k], count, inside);
    std::fill(target + columns_.last, target + width_, outside_);
}

std::vector<int> RowInterpolator::extreme_rows() const {
    std::vector<int> extreme;
    if (rows_.first > 0) extreme.push_back(0);
    for (int y = rows_.first; y < rows_.last; ++y) {
        const auto k = static_cast<std::size_t>(y - rows_.first);
        const bool is_first = k == 0 || rows_.left[k - 1] != rows_.left[k];
        const bool is_last = y + 1 == rows_.last || rows_.left[k + 1] != rows_.left[k];
        if (is_first || is_last) extreme.push_back(y);
    }
    if (rows_.last < height_) extreme.push_back(height_ - 1);
    return extreme;
}

}  // namespace locus::localize
