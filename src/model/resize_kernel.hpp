#pragma once

/// ONNX's Resize, number by number: what the derivative's rule and the training executor share.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace locus::model {

/// keep_aspect_ratio_policy: the one scale that these axes share instead of each its own, so that the output is as
/// large as it can be within the sizes asked for (not_larger), or as small as it can be around them (not_smaller). In
/// float32, as ONNX Runtime has it. `scales` has at least one.
inline float shared_scale(std::string_view policy, const std::vector<float>& scales) {
    const auto [least, greatest] = std::minmax_element(scales.begin(), scales.end());
    return policy == "not_larger" ? *least : *greatest;
}

/// What an axis of size `from` becomes under a shared scale.
inline std::int64_t size_under(float shared_scale, std::int64_t from) {
    return static_cast<std::int64_t>(std::round(shared_scale * static_cast<float>(from)));
}

/// The source pixel that `nearest_mode` takes for the coordinate x; round_prefer_floor for modes that are not known.
inline double nearest_pixel(std::string_view nearest_mode, double x) {
    if (nearest_mode == "floor") return std::floor(x);
    if (nearest_mode == "ceil") return std::ceil(x);
    if (nearest_mode == "round_prefer_ceil") return std::floor(x + 0.5);
    return std::ceil(x - 0.5);
}

/// The weight of a source pixel at this distance: the triangle for "linear", else the cubic of Keys 1981 with this
/// `cubic_a`.
inline double resize_kernel(std::string_view mode, double cubic_a, double distance) {
    const double d = std::abs(distance), a = cubic_a;
    if (mode == "linear") return std::max(0.0, 1 - d);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    return 0;
}

}  // namespace locus::model
