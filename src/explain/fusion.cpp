#include "explain/fusion.hpp"

#include <algorithm>
#include <cmath>

namespace locus::explain {
namespace {

struct Tap {
    std::size_t low, high;
    float share;  // of the higher one
};

std::vector<Tap> taps(std::int64_t from, std::int64_t to, bool align_corners) {
    std::vector<Tap> result;
    for (std::int64_t i = 0; i < to; ++i) {
        const double ratio = static_cast<double>(from) / static_cast<double>(to);
        const double corner = to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0;
        const double at =
            align_corners ? static_cast<double>(i) * corner : (static_cast<double>(i) + 0.5) * ratio - 0.5;
        const double inside = std::clamp(at, 0.0, static_cast<double>(from - 1));
        const auto low = static_cast<std::size_t>(inside);
        result.push_back({low, std::min(low + 1, static_cast<std::size_t>(from - 1)),
                          static_cast<float>(inside - static_cast<double>(low))});
    }
    return result;
}

/// Each map to 0..1: relu or shift by the minimum, then divided by the maximum.
void normalise(std::span<float> map, bool relu) {
    const float least = relu ? 0.0F : *std::min_element(map.begin(), map.end());
    float greatest = 0;
    for (float& value : map) greatest = std::max(greatest, value = std::max(value - least, 0.0F));
    if (greatest > 0) {
        for (float& value : map) value /= greatest;
    }
}

}  // namespace

Tensor resized_maps(const Tensor& maps, std::int64_t height, std::int64_t width, bool align_corners) {
    const std::int64_t n = maps.shape()[0], h = maps.shape()[1], w = maps.shape()[2];
    if (h == height && w == width) return maps;
    const auto rows = taps(h, height, align_corners), columns = taps(w, width, align_corners);
    Tensor result(DataType::float32, {n, height, width});
    const auto source = maps.values<float>();
    const auto target = result.mutable_values<float>();
    std::vector<float> line(static_cast<std::size_t>(w));
    for (std::size_t item = 0, out = 0; item < static_cast<std::size_t>(n); ++item) {
        const auto map = source.subspan(item * static_cast<std::size_t>(h * w), static_cast<std::size_t>(h * w));
        for (const Tap& row : rows) {
            const auto* low = map.data() + row.low * static_cast<std::size_t>(w);
            const auto* high = map.data() + row.high * static_cast<std::size_t>(w);
            for (std::size_t x = 0; x < line.size(); ++x) line[x] = low[x] + row.share * (high[x] - low[x]);
            for (const Tap& column : columns)
                target[out++] = line[column.low] + column.share * (line[column.high] - line[column.low]);
        }
    }
    return result;
}

Tensor fused(const std::vector<Tensor>& maps, Fusion fusion, std::int64_t height, std::int64_t width) {
    if (fusion != Fusion::mean) {
        height = width = 0;
        for (const Tensor& map : maps) {
            height = std::max(height, map.shape()[1]);
            width = std::max(width, map.shape()[2]);
        }
    }
    const std::int64_t n = maps.front().shape()[0];
    const auto size = static_cast<std::size_t>(height * width);
    Tensor result(DataType::float32, {n, height, width});
    const auto target = result.mutable_values<float>();
    for (std::size_t layer = 0; layer < maps.size(); ++layer) {
        Tensor map = maps[layer];
        const auto positions = static_cast<std::size_t>(map.shape()[1] * map.shape()[2]);
        const auto values = map.mutable_values<float>();
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
            normalise(values.subspan(i * positions, positions), fusion == Fusion::mean);
        const Tensor large = resized_maps(map, height, width);
        const auto source = large.values<float>();
        for (std::size_t i = 0; i < target.size(); ++i) {
            if (layer == 0)
                target[i] = source[i];
            else if (fusion == Fusion::mean)
                target[i] += source[i];
            else if (fusion == Fusion::max)
                target[i] = std::max(target[i], source[i]);
            else
                target[i] *= source[i];
        }
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i)
        normalise(target.subspan(i * size, size), fusion == Fusion::mean);
    return result;
}

}  // namespace locus::explain
