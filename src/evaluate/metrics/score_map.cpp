#include "evaluate/metrics/score_map.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <span>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::evaluate {
namespace {

ScoreMap resized(const cv::Mat& raw, int side) {
    ScoreMap scores{side, std::vector<double>(static_cast<std::size_t>(side) * static_cast<std::size_t>(side))};
    cv::Mat full(side, side, CV_64F, scores.values.data());
    cv::resize(raw, full, {side, side}, 0, 0, cv::INTER_CUBIC);
    double low = scores.values[0], high = low;
    bool is_number = true;
    for (const double value : scores.values) {
        is_number = is_number && std::isfinite(value);
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (!is_number || low == high) {
        std::fill(scores.values.begin(), scores.values.end(), 0.0);
        return scores;
    }
    const double range = high - low;
    for (double& value : scores.values) value = (value - low) / range;
    return scores;
}

void require_positions(std::int64_t width, std::int64_t height, std::size_t values) {
    if (width < 1 || height < 1 || width > 32767 || height > 32767 ||
        values != static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
        throw Error(ErrorKind::usage,
                    fmt::format("a map of {} x {} with {} values cannot be scored: sides must be 1 to 32767 and every "
                                "position needs a value",
                                width, height, values));
    }
}

/// Width and height of a stored array.
cv::Size size_of(const Tensor& map) {
    const Shape& shape = map.shape();
    const std::size_t rank = shape.size();
    if (rank < 2 || rank > 4 ||
        !std::all_of(shape.begin(), shape.end() - 2, [](std::int64_t size) { return size == 1; })) {
        throw Error(ErrorKind::usage,
                    fmt::format("an array of shape {} is no map: [h, w] or [1, h, w] is", to_string(shape)));
    }
    require_positions(shape[rank - 1], shape[rank - 2], static_cast<std::size_t>(map.size()));
    return {static_cast<int>(shape[rank - 1]), static_cast<int>(shape[rank - 2])};
}

/// What to divide a map by, so that float32 holds its numbers and their differences.
double unit_of(std::span<const double> values) {
    double greatest = 0;
    for (const double value : values) {
        if (std::isfinite(value)) greatest = std::max(greatest, std::abs(value));
    }
    const bool is_extreme = greatest > 1e30 || greatest < 1e-30;
    return is_extreme && greatest > 0 ? greatest : 1.0;
}

}  // namespace

ScoreMap score_map(const Map& map, int side) {
    require_positions(map.width, map.height, map.values.size());
    cv::Mat raw(map.height, map.width, CV_64F);
    std::copy(map.values.begin(), map.values.end(), raw.ptr<double>());
    return resized(raw, side);
}

ScoreMap score_map(const Tensor& map, int side) {
    const cv::Size size = size_of(map);
    const Tensor values = map.to(DataType::float64);
    cv::Mat raw(size, CV_64F);
    std::copy_n(values.values<double>().data(), values.size(), raw.ptr<double>());
    if (cv::norm(raw, cv::NORM_INF) > 0x1p1000) raw *= 0x1p-64;  // so that differences are numbers
    return resized(raw, side);
}

bool is_finite(const Map& map) {
    return std::ranges::all_of(map.values, [](float value) { return std::isfinite(value); });
}

bool is_finite(const Tensor& stored) {
    const Tensor numbers = stored.to(DataType::float64);
    return std::ranges::all_of(numbers.values<double>(), [](double value) { return std::isfinite(value); });
}

Map map_for_boxes(const Tensor& stored) {
    const cv::Size size = size_of(stored);
    const Tensor numbers = stored.to(DataType::float64);
    const double unit = unit_of(numbers.values<double>());
    Map map{size.width, size.height, {}};
    for (const double value : numbers.values<double>()) map.values.push_back(static_cast<float>(value / unit));
    return map;
}

std::optional<Map> below_maximum(const Tensor& stored) {
    const cv::Size size = size_of(stored);
    const Tensor numbers = stored.to(DataType::float64);
    const auto values = numbers.values<double>();
    const auto fits = [](double value) { return static_cast<double>(static_cast<float>(value)) == value; };
    if (std::ranges::all_of(values, fits)) return std::nullopt;
    const double unit = unit_of(values), maximum = std::ranges::max(values) / unit;
    Map map{size.width, size.height, {}};
    for (const double value : values) map.values.push_back(static_cast<float>(value / unit - maximum));
    return map;
}

std::vector<std::uint8_t> to_levels(const ScoreMap& scores) {
    std::vector<std::uint8_t> levels(scores.values.size());
    std::transform(scores.values.begin(), scores.values.end(), levels.begin(),
                   [](double value) { return static_cast<std::uint8_t>(static_cast<int>(value * 255)); });
    return levels;
}

}  // namespace locus::evaluate
