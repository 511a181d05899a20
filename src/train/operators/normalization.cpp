/// Normalisations, with ONNX's semantics.

#include <algorithm>
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;

Tensors batch_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    const double epsilon = call.node.float_or("epsilon", 1e-5F);
    if (call.opset < 9 && call.node.int_or("spatial", 1) == 0)
        cannot_run(call.node, "BatchNormalization with spatial = 0");
    if (!call.training) {
        auto [y, mean, invstd] =
            at::native_batch_norm(x, call.input(1), call.input(2), call.input(3), call.input(4), false, 0.0, epsilon);
        return {y};
    }
    if (call.across) {
        const NormalizedBatch made = synchronized_norm(x, call.input(1), call.input(2), epsilon, *call.across);
        if (call.statistics) call.statistics->push_back({&call.node, made.mean, made.unbiased_variance});
        return {made.values};
    }
    auto [y, mean, invstd] = at::native_batch_norm(x, call.input(1), call.input(2), {}, {}, true, 0.0, epsilon);
    if (call.statistics) {
        const double count = static_cast<double>(x.numel()) / static_cast<double>(x.size(1));
        const at::Tensor variance = at::clamp_min(invstd.detach().pow(-2) - epsilon, 0.0);
        call.statistics->push_back({&call.node, mean.detach(), variance * (count / std::max(1.0, count - 1))});
    }
    return {y};
}

/// Krizhevsky et al. 2012: y = x / (bias + alpha / size * sum over neighbouring channels of x^2)^beta.
Tensors lrn(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t size = call.node.int_or("size", 1);
    const double alpha = call.node.float_or("alpha", 1e-4F), beta = call.node.float_or("beta", 0.75F),
                 bias = call.node.float_or("bias", 1);
    Ints shape = x.sizes().vec();
    const at::Tensor squares = (x * x).reshape({shape[0], 1, shape[1], -1});
    const at::Tensor padded = at::constant_pad_nd(squares, {0, 0, (size - 1) / 2, size - 1 - (size - 1) / 2}, 0);
    const at::Tensor means = at::avg_pool2d(padded, {size, 1}, {1, 1});  // the mean is the sum over size
    return {x / at::pow(bias + alpha * means.reshape(shape), beta)};
}

Tensors instance_normalization(Call& call) {
    return {at::instance_norm(call.input(0), call.input(1), call.input(2), {}, {}, true, 0.0,
                              call.node.float_or("epsilon", 1e-5F), false)};
}

Tensors layer_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", -1), x.dim());
    const Ints shape = x.sizes().slice(static_cast<std::size_t>(axis)).vec();
    Ints axes(shape.size());
    std::iota(axes.begin(), axes.end(), axis);
    const at::Tensor mean = x.mean(axes, true), centred = x - mean;
    const at::Tensor deviation = at::rsqrt((centred * centred).mean(axes, true) + call.node.float_or("epsilon", 1e-5F));
    at::Tensor y = centred * deviation * call.input(1);
    if (call.has(2)) y = y + call.input(2);
    return {y, mean, deviation};
}

/// Zhang and Sennrich 2019: a layer normalisation that does not centre.
Tensors rms_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints axes(static_cast<std::size_t>(x.dim() - positive_axis(call, call.node.int_or("axis", -1), x.dim())));
    std::iota(axes.begin(), axes.end(), x.dim() - static_cast<std::int64_t>(axes.size()));
    const at::Tensor deviation = at::rsqrt((x * x).mean(axes, true) + call.node.float_or("epsilon", 1e-5F));
    return {x * deviation * call.input(1)};
}

/// Wu and He 2018. Scale and bias are of groups in opset 18, of channels from 21 on.
Tensors group_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t groups = call.node.int_or("num_groups", 1), channels = x.size(1);
    if (groups < 1 || channels % groups != 0)
        cannot_run(call.node, fmt::format("a division of {} channels into {} groups", channels, groups));
    const auto of_channels = [&](const at::Tensor& values) {
        return call.opset < 21 && values.numel() == groups ? values.repeat_interleave(channels / groups) : values;
    };
    return {at::group_norm(x, groups, of_channels(call.input(1)), of_channels(call.input(2)),
                           call.node.float_or("epsilon", 1e-5F))};
}

/// x over its norm along an axis; zeros stay zeros, as ONNX Runtime leaves them.
Tensors lp_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", -1), x.dim());
    const at::Tensor norm = at::norm(x, call.node.int_or("p", 2), Ints{axis}, true);
    return {x / at::where(norm == 0, at::ones_like(norm), norm)};
}

Tensors mean_variance_normalization(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints axes = call.node.ints_or("axes", {0, 2, 3});
    for (std::int64_t& axis : axes) axis = positive_axis(call, axis, x.dim());
    double count = 1;
    for (const std::int64_t axis : axes) count *= static_cast<double>(x.size(axis));
    const at::Tensor centred = x - x.mean(axes, true);
    return {centred / (at::norm(centred, 2, axes, true) / std::sqrt(count) + 1e-9)};
}

}  // namespace

const OperatorTable& normalization_operators() {
    static const OperatorTable table{
        {"BatchNormalization", batch_normalization},
        {"GroupNormalization", group_normalization},
        {"InstanceNormalization", instance_normalization},
        {"LRN", lrn},
        {"LayerNormalization", layer_normalization},
        {"LpNormalization", lp_normalization},
        {"MeanVarianceNormalization", mean_variance_normalization},
        {"RMSNormalization", rms_normalization},
    };
    return table;
}

}  // namespace locus::train
