#include "evaluate/metrics/similarity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <opencv2/imgproc.hpp>
#include <vector>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::evaluate {
namespace {

std::vector<double> ranks_of(std::span<const float> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first;
        while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
        for (std::size_t i = first; i < last; ++i) ranks[order[i]] = static_cast<double>(first + last - 1) / 2;
        first = last;
    }
    return ranks;
}

}  // namespace

double rank_correlation(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size() || a.size() < 2) {
        throw Error(ErrorKind::usage, fmt::format("maps of {} and {} values cannot be correlated", a.size(), b.size()));
    }
    const auto is_nan = [](float value) { return std::isnan(value); };
    if (std::ranges::any_of(a, is_nan) || std::ranges::any_of(b, is_nan))
        return std::numeric_limits<double>::quiet_NaN();
    const std::vector<double> ra = ranks_of(a), rb = ranks_of(b);
    const double mean = static_cast<double>(a.size() - 1) / 2;
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < ra.size(); ++i) {
        ab += (ra[i] - mean) * (rb[i] - mean);
        aa += (ra[i] - mean) * (ra[i] - mean);
        bb += (rb[i] - mean) * (rb[i] - mean);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0.0;
}

double structural_similarity(const Map& a, const Map& b) {
    if (a.width != b.width || a.height != b.height || a.values.empty() || a.values.size() != b.values.size()) {
        throw Error(ErrorKind::usage, fmt::format("maps of {} x {} and {} x {} cannot be compared", a.width, a.height,
                                                  b.width, b.height));
    }
    constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;
    const auto as_mat = [](const Map& map) {
        cv::Mat mat(map.height, map.width, CV_64F);
        std::copy(map.values.begin(), map.values.end(), mat.ptr<double>());
        return mat;
    };
    const auto mean = [](const cv::Mat& mat) {
        cv::Mat result;
        cv::GaussianBlur(mat, result, {11, 11}, 1.5, 1.5, cv::BORDER_REFLECT);
        return result;
    };
    const cv::Mat x = as_mat(a), y = as_mat(b);
    const cv::Mat mx = mean(x), my = mean(y);
    const cv::Mat vx = mean(x.mul(x)) - mx.mul(mx), vy = mean(y.mul(y)) - my.mul(my), vxy = mean(x.mul(y)) - mx.mul(my);
    const cv::Mat above = (2 * mx.mul(my) + c1).mul(2 * vxy + c2);
    const cv::Mat below = (mx.mul(mx) + my.mul(my) + c1).mul(vx + vy + c2);
    return cv::mean(above / below)[0];
}

}  // namespace locus::evaluate
