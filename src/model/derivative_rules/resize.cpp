// Resize: a linear map along each axis, whose matrix is worked out here and turned.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "model/derivative_rules/rule.hpp"
#include "model/resize_kernel.hpp"

namespace locus::model {
namespace {

struct Axis {
    std::int64_t from = 0;
    std::int64_t to = 0;
    float scale = 1;
    float roi_start = 0;
    float roi_end = 1;
};

struct Interpolation {
    std::string mode;  ///< nearest, linear or cubic
    std::string coordinates;
    std::string nearest;
    double cubic_a = -0.75;
    bool exclude_outside = false;
    bool antialias = false;
};

/// Where, in the input's pixels, output pixel `i` lies (ONNX's coordinate_transformation_mode). In float32, as ONNX
/// Runtime has it: halfway between two pixels, the last bit decides which is the nearest.
float source(const Interpolation& how, const Axis& axis, std::int64_t i) {
    const auto x = static_cast<float>(i), from = static_cast<float>(axis.from), to = static_cast<float>(axis.to);
    const auto& mode = how.coordinates;
    if (mode == "asymmetric") return x / axis.scale;
    if (mode == "align_corners") return to == 1 ? 0 : x * (from - 1) / (to - 1);
    if (mode == "pytorch_half_pixel") return to > 1 ? (x + 0.5F) / axis.scale - 0.5F : 0;
    if (mode == "tf_half_pixel_for_nn") return (x + 0.5F) / axis.scale;
    if (mode == "tf_crop_and_resize") {
        return to > 1 ? axis.roi_start * (from - 1) + x * (axis.roi_end - axis.roi_start) * (from - 1) / (to - 1)
                      : 0.5F * (axis.roi_start + axis.roi_end) * (from - 1);
    }
    if (mode == "half_pixel_symmetric") {
        const float adjustment = to / (axis.scale * from);
        return from / 2 * (1 - adjustment) + (x + 0.5F) / axis.scale - 0.5F;
    }
    return (x + 0.5F) / axis.scale - 0.5F;  // half_pixel
}

/// [from, to]: the map of this axis, turned.
Tensor turned_matrix(const Interpolation& how, const Axis& axis) {
    Tensor matrix(DataType::float32, {axis.from, axis.to});
    const auto values = matrix.mutable_values<float>();
    for (std::int64_t i = 0; i < axis.to; ++i) {
        const double x = source(how, axis, i);
        if (how.coordinates == "tf_crop_and_resize" && (x < 0 || x > static_cast<double>(axis.from - 1))) continue;
        const auto put = [&](std::int64_t at, double weight) {
            values[std::clamp<std::int64_t>(at, 0, axis.from - 1) * axis.to + i] += static_cast<float>(weight);
        };
        if (how.mode == "nearest") {
            put(static_cast<std::int64_t>(nearest_pixel(how.nearest, x)), 1);
            continue;
        }
        // With antialias a shrinking axis stretches the kernel over as many pixels as become one.
        const double stretch = how.antialias ? std::min(1.0, static_cast<double>(axis.scale)) : 1.0;
        const double reach = (how.mode == "linear" ? 1.0 : 2.0) / stretch;
        const auto first = static_cast<std::int64_t>(std::floor(x - reach)),
                   last = static_cast<std::int64_t>(std::ceil(x + reach));
        const bool inside_only = how.exclude_outside;
        double sum = 0;
        for (auto at = first; at <= last; ++at) {
            if (inside_only && (at < 0 || at >= axis.from)) continue;
            sum += resize_kernel(how.mode, how.cubic_a, (static_cast<double>(at) - x) * stretch);
        }
        for (auto at = first; at <= last; ++at) {
            if (inside_only && (at < 0 || at >= axis.from)) continue;
            put(at, resize_kernel(how.mode, how.cubic_a, (static_cast<double>(at) - x) * stretch) / sum);
        }
    }
    return matrix;
}

void resize(RuleContext& node) {
    if (!node.wants(0)) return;
    const Shape from = node.input().shape(), to = node.output().shape();
    const Node& attributes = node.node();
    Interpolation how;
    how.mode = attributes.string_or("mode", "nearest");
    how.coordinates = attributes.string_or("coordinate_transformation_mode", "half_pixel");
    how.nearest = attributes.string_or("nearest_mode", "round_prefer_floor");
    how.cubic_a = attributes.float_or("cubic_coeff_a", -0.75F);
    how.exclude_outside = attributes.int_or("exclude_outside", 0) != 0;
    how.antialias = attributes.int_or("antialias", 0) != 0;
    Ints axes(from.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = attributes.ints_or("axes", axes);
    Tensor scales, roi;
    if (node.has_input(2) && node.input(2).shape() != Shape{0}) scales = node.constant(2, "scales").to_float32();
    if (how.coordinates == "tf_crop_and_resize") roi = node.constant(1, "roi").to_float32();
    std::optional<float> shared;
    if (const auto policy = attributes.string_or("keep_aspect_ratio_policy", "stretch");
        scales.size() == 0 && policy != "stretch" && !axes.empty()) {
        const Ints sizes = node.constant_ints(3, "sizes");
        std::vector<float> asked;
        for (std::size_t i = 0; i < axes.size(); ++i) {
            const auto size = from[positive_axis(axes[i], from.size())];
            if (size < 0) node.unsupported("it resizes the batch");
            asked.push_back(static_cast<float>(sizes.at(i)) / static_cast<float>(size));
        }
        shared = shared_scale(policy, asked);
    }
    Value g = node.gradient();
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto at = positive_axis(axes[i], from.size());
        if (from[at] < 0 || to[at] < 0) {
            if (from[at] == to[at]) continue;
            node.unsupported("it resizes the batch");
        }
        Axis axis{from[at], to[at], static_cast<float>(to[at]) / static_cast<float>(from[at])};
        if (scales.size() > 0) axis.scale = scales.values<float>()[i];
        if (shared) axis.scale = *shared;
        if (roi.size() > 0) {
            axis.roi_start = roi.values<float>()[i];
            axis.roi_end = roi.values<float>()[axes.size() + i];
        }
        if (axis.from == axis.to && axis.scale == 1 && roi.size() == 0) continue;
        g = linear_along_axis(g, at, turned_matrix(how, axis));
    }
    node.give(0, g);
}

}  // namespace

const RuleTable& resize_rules() {
    static const RuleTable table{{"Resize", resize}};
    return table;
}

}  // namespace locus::model
