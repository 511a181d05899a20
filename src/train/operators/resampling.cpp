/// Images at other sizes: Resize, Upsample, and samples at given places.

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/resize_kernel.hpp"
#include "train/operators/operators.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;
using Reals = std::vector<double>;

/// One dimension that changes.
struct Axis {
    std::int64_t number = 0, from = 0, to = 0;
    double scale = 1, roi_start = 0, roi_end = 1;
};

struct Interpolation {
    std::string mode, coordinates, nearest;
    double cubic_a = -0.75;
    bool exclude_outside = false, antialias = false;
    bool crops() const { return coordinates == "tf_crop_and_resize"; }
};

/// Where, in the input's pixels, output pixel `i` lies (ONNX's coordinate_transformation_mode).
double source(const Call& call, const Interpolation& how, const Axis& axis, std::int64_t i) {
    const auto x = static_cast<double>(i), from = static_cast<double>(axis.from), to = static_cast<double>(axis.to);
    const std::string& mode = how.coordinates;
    if (mode == "half_pixel") return (x + 0.5) / axis.scale - 0.5;
    if (mode == "asymmetric") return x / axis.scale;
    if (mode == "align_corners") return axis.to == 1 ? 0 : x * (from - 1) / (to - 1);
    if (mode == "pytorch_half_pixel") return axis.to > 1 ? (x + 0.5) / axis.scale - 0.5 : 0;
    if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / axis.scale;
    if (mode == "half_pixel_symmetric") return from / 2 * (1 - to / (axis.scale * from)) + (x + 0.5) / axis.scale - 0.5;
    if (mode == "tf_crop_and_resize") {
        return axis.to > 1 ? axis.roi_start * (from - 1) + x * (axis.roi_end - axis.roi_start) * (from - 1) / (to - 1)
                           : 0.5 * (axis.roi_start + axis.roi_end) * (from - 1);
    }
    cannot_run(call.node, "coordinate_transformation_mode '" + mode + "'");
}

double rounded(const Call& call, const std::string& mode, double x) {
    if (mode != "round_prefer_floor" && mode != "round_prefer_ceil" && mode != "floor" && mode != "ceil")
        cannot_run(call.node, "nearest_mode '" + mode + "'");
    return model::nearest_pixel(mode, x);
}

/// [from, to]: the share of each input pixel in each output pixel.
at::Tensor shares(const Call& call, const Interpolation& how, const Axis& axis) {
    at::Tensor matrix = at::zeros({axis.from, axis.to}, at::kDouble);
    auto values = matrix.accessor<double, 2>();
    // With antialias a shrinking axis stretches the kernel over as many pixels as become one.
    const double stretch = how.antialias ? std::min(1.0, axis.scale) : 1.0;
    const double reach = (how.mode == "linear" ? 1.0 : 2.0) / stretch;
    for (std::int64_t i = 0; i < axis.to; ++i) {
        const double x = source(call, how, axis, i);
        const auto first = static_cast<std::int64_t>(std::floor(x - reach)),
                   last = static_cast<std::int64_t>(std::ceil(x + reach));
        const auto weight = [&](std::int64_t at) {
            const bool left_out = how.exclude_outside && (at < 0 || at >= axis.from);
            return left_out ? 0.0
                            : model::resize_kernel(how.mode, how.cubic_a, (static_cast<double>(at) - x) * stretch);
        };
        double sum = 0;
        for (std::int64_t at = first; at <= last; ++at) sum += weight(at);
        for (std::int64_t at = first; at <= last; ++at)
            values[std::clamp<std::int64_t>(at, 0, axis.from - 1)][i] += weight(at) / sum;
    }
    return matrix;
}

at::Tensor resized(const Call& call, const Interpolation& how, const Axis& axis, const at::Tensor& x) {
    if (how.mode != "nearest") {
        const at::Tensor map = shares(call, how, axis).to(x.scalar_type());
        return at::matmul(x.movedim(axis.number, -1), map).movedim(-1, axis.number);
    }
    Ints from;
    for (std::int64_t i = 0; i < axis.to; ++i) {
        const auto at = static_cast<std::int64_t>(rounded(call, how.nearest, source(call, how, axis, i)));
        from.push_back(std::clamp<std::int64_t>(at, 0, axis.from - 1));
    }
    return x.index_select(axis.number, at::tensor(from, at::kLong));
}

/// Whether output pixels lie in the input, for tf_crop_and_resize: [to].
at::Tensor inside(const Call& call, const Interpolation& how, const Axis& axis) {
    at::Tensor is_inside = at::ones({axis.to}, at::kBool);
    for (std::int64_t i = 0; i < axis.to; ++i) {
        const double x = source(call, how, axis, i);
        if (x < 0 || x > static_cast<double>(axis.from - 1)) is_inside[i] = false;
    }
    return is_inside;
}

at::Tensor interpolate(const Call& call, const Interpolation& how, const std::vector<Axis>& axes, at::Tensor x) {
    if (how.mode != "nearest" && how.mode != "linear" && how.mode != "cubic")
        cannot_run(call.node, "mode '" + how.mode + "'");
    const at::ScalarType given = x.scalar_type();
    if (how.mode != "nearest" && !at::isFloatingType(given)) x = x.to(call.computes_in);
    at::Tensor all_inside;
    for (const Axis& axis : axes) {
        if (axis.from == axis.to && axis.scale == 1 && !how.crops()) continue;
        x = resized(call, how, axis, x);
        if (!how.crops()) continue;
        Ints shape(static_cast<std::size_t>(x.dim()), 1);
        shape[static_cast<std::size_t>(axis.number)] = axis.to;
        const at::Tensor mask = inside(call, how, axis).reshape(shape);
        all_inside = all_inside.defined() ? all_inside.logical_and(mask) : mask;
    }
    if (all_inside.defined())
        x = at::where(all_inside, x, at::full({}, call.node.float_or("extrapolation_value", 0), x.options()));
    return x.to(given);
}

Reals reals(const at::Tensor& values) {
    const at::Tensor wide = values.to(at::kDouble).contiguous();
    return {wide.data_ptr<double>(), wide.data_ptr<double>() + wide.numel()};
}

std::int64_t scaled(std::int64_t from, double scale) {
    // Scales are stored in single precision: 7 * (10 / 7) is 10.
    return static_cast<std::int64_t>(std::floor(static_cast<float>(from) * static_cast<float>(scale)));
}

void keep_aspect_ratio(std::vector<Axis>& axes, const std::string& policy) {
    std::vector<float> scales;
    for (const Axis& axis : axes) scales.push_back(static_cast<float>(axis.scale));
    const float scale = model::shared_scale(policy, scales);
    for (Axis& axis : axes) {
        axis.scale = scale;
        axis.to = model::size_under(scale, axis.from);
    }
}

Tensors resize(Call& call) {
    const at::Tensor& x = call.input(0);
    // Before opset 11 the second input holds the scales, and output pixel i shows input pixel i / scale.
    const bool early = call.opset < 11;
    Interpolation how{call.node.string_or("mode", "nearest"),
                      call.node.string_or("coordinate_transformation_mode", early ? "asymmetric" : "half_pixel"),
                      call.node.string_or("nearest_mode", early ? "floor" : "round_prefer_floor"),
                      call.node.float_or("cubic_coeff_a", -0.75F),
                      call.node.int_or("exclude_outside", 0) != 0,
                      call.node.int_or("antialias", 0) != 0};
    Ints numbers(static_cast<std::size_t>(x.dim()));
    std::iota(numbers.begin(), numbers.end(), 0);
    numbers = call.node.ints_or("axes", numbers);
    const std::size_t at_scales = early ? 1 : 2;
    const Reals scales = call.has(at_scales) ? reals(call.input(at_scales)) : Reals();
    const Ints sizes = !early && scales.empty() ? call.integers(3) : Ints();
    if ((scales.empty() ? sizes.size() : scales.size()) != numbers.size())
        cannot_run(call.node, fmt::format("a new size of {} numbers for {} dimensions",
                                          scales.empty() ? sizes.size() : scales.size(), numbers.size()));
    const Reals roi = how.crops() ? reals(call.input(1)) : Reals();
    if (how.crops() && roi.size() != 2 * numbers.size())
        cannot_run(call.node, fmt::format("a region of interest of {} numbers", roi.size()));
    std::vector<Axis> axes;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        Axis axis{.number = positive_axis(call, numbers[i], x.dim())};
        axis.from = x.size(axis.number);
        if (how.crops()) axis.roi_start = roi[i], axis.roi_end = roi[numbers.size() + i];
        axis.scale = scales.empty() ? static_cast<double>(sizes[i]) / static_cast<double>(axis.from) : scales[i];
        axis.to = scales.empty() ? sizes[i] : scaled(axis.from, axis.scale * (axis.roi_end - axis.roi_start));
        axes.push_back(axis);
    }
    const std::string policy = call.node.string_or("keep_aspect_ratio_policy", "stretch");
    if (scales.empty() && policy != "stretch" && !axes.empty()) keep_aspect_ratio(axes, policy);
    return {interpolate(call, how, axes, x)};
}

/// Deprecated since opset 10; output pixel i shows input pixel i / scale.
Tensors upsample(Call& call) {
    const at::Tensor& x = call.input(0);
    Reals scales(static_cast<std::size_t>(x.dim()), 1);
    if (call.has(1)) {
        scales = reals(call.input(1));
    } else if (call.node.has("scales")) {
        const std::vector<float> given = call.node.floats_or("scales", {});
        scales.assign(given.begin(), given.end());
    } else if (call.node.has("height_scale") && call.node.has("width_scale") && x.dim() == 4) {  // opset 1
        scales = {1, 1, call.node.float_or("height_scale", 1), call.node.float_or("width_scale", 1)};
    }
    if (static_cast<std::int64_t>(scales.size()) != x.dim())
        cannot_run(call.node, fmt::format("{} scales for {} dimensions", scales.size(), x.dim()));
    const std::string mode = call.node.string_or("mode", "nearest");
    std::vector<Axis> axes;
    for (std::int64_t i = 0; i < x.dim(); ++i) {
        const double scale = scales[static_cast<std::size_t>(i)];
        axes.push_back({.number = i, .from = x.size(i), .to = scaled(x.size(i), scale), .scale = scale});
    }
    return {interpolate(call, {mode == "bilinear" ? "linear" : mode, "asymmetric", "floor"}, axes, x)};
}

Tensors grid_sample(Call& call) {
    const std::string mode = call.node.string_or("mode", "linear");
    const std::string padding = call.node.string_or("padding_mode", "zeros");
    const int interpolation = mode == "linear" || mode == "bilinear" ? 0
                              : mode == "nearest"                    ? 1
                              : mode == "cubic" || mode == "bicubic" ? 2
                                                                     : -1;
    if (interpolation < 0) cannot_run(call.node, "mode '" + mode + "'");
    const int outside = padding == "zeros" ? 0 : padding == "border" ? 1 : padding == "reflection" ? 2 : -1;
    if (outside < 0) cannot_run(call.node, "padding_mode '" + padding + "'");
    return {at::grid_sampler(call.input(0), call.input(1), interpolation, outside,
                             call.node.int_or("align_corners", 0) != 0)};
}

Tensors affine_grid(Call& call) {
    return {at::affine_grid_generator(call.input(0), call.integers(1), call.node.int_or("align_corners", 0) != 0)};
}

}  // namespace

const OperatorTable& resampling_operators() {
    static const OperatorTable table{
        {"AffineGrid", affine_grid},
        {"GridSample", grid_sample},
        {"Resize", resize},
        {"Upsample", upsample},
    };
    return table;
}

}  // namespace locus::train
