/// Convolutions, pools, normalisations and linear layers, with ONNX's semantics.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"
#include "train/operators.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;

/// Begin and end padding of each spatial dimension.
struct Padding {
    Ints begin, end;
    bool symmetric() const { return begin == end; }
    bool none() const {
        const auto zero = [](std::int64_t p) { return p == 0; };
        return std::all_of(begin.begin(), begin.end(), zero) && std::all_of(end.begin(), end.end(), zero);
    }
};

/// `pads` or `auto_pad` of a window operator.
Padding padding_of(const Call& call, const Ints& input, const Ints& kernel, const Ints& strides,
                   const Ints& dilations) {
    const std::size_t rank = kernel.size();
    Padding padding{Ints(rank, 0), Ints(rank, 0)};
    const std::string automatic = call.node.string_or("auto_pad", "NOTSET");
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
        for (std::size_t i = 0; i < rank; ++i) {
            const std::int64_t out = (input[i] + strides[i] - 1) / strides[i];
            const std::int64_t total =
                std::max<std::int64_t>(0, (out - 1) * strides[i] + dilations[i] * (kernel[i] - 1) + 1 - input[i]);
            padding.begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
            padding.end[i] = total - padding.begin[i];
        }
    } else if (automatic == "NOTSET") {
        const Ints pads = call.node.ints_or("pads", Ints(2 * rank, 0));
        if (pads.size() != 2 * rank) cannot_run(call.node, fmt::format("'pads' with {} values", pads.size()));
        padding.begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
        padding.end.assign(pads.begin() + static_cast<std::ptrdiff_t>(rank), pads.end());
    } else if (automatic != "VALID") {
        cannot_run(call.node, fmt::format("auto_pad '{}'", automatic));
    }
    return padding;
}

/// `x` with constant values around its last dimensions.
at::Tensor pad(const at::Tensor& x, const Padding& padding, double value) {
    if (padding.none()) return x;
    Ints pads;  // LibTorch's order: last dimension first
    for (std::size_t i = padding.begin.size(); i-- > 0;) {
        pads.push_back(padding.begin[i]);
        pads.push_back(padding.end[i]);
    }
    return at::constant_pad_nd(x, pads, value);
}

Ints spatial_sizes(const at::Tensor& x) { return x.sizes().slice(2).vec(); }

Tensors conv(Call& call) {
    const at::Tensor& x = call.input(0);
    const at::Tensor& w = call.input(1);
    const at::Tensor bias = call.has(2) ? call.input(2) : at::Tensor();
    const std::size_t rank = static_cast<std::size_t>(w.dim()) - 2;
    const Ints kernel = w.sizes().slice(2).vec();
    const Ints strides = call.node.ints_or("strides", Ints(rank, 1));
    const Ints dilations = call.node.ints_or("dilations", Ints(rank, 1));
    const Padding padding = padding_of(call, spatial_sizes(x), kernel, strides, dilations);
    const bool even = padding.symmetric();
    return {at::convolution(even ? x : pad(x, padding, 0), w, bias, strides, even ? padding.begin : Ints(rank, 0),
                            dilations, false, Ints(rank, 0), call.node.int_or("group", 1))};
}

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

/// Output positions of a pool along one dimension.
std::int64_t pooled_size(std::int64_t input, std::int64_t pads, std::int64_t extent, std::int64_t stride,
                         std::int64_t begin, bool ceil) {
    const std::int64_t room = input + pads - extent;
    std::int64_t out = (ceil ? room + stride - 1 : room) / stride + 1;
    // A window that would begin in the padding at the end is left out.
    if (ceil && (out - 1) * stride >= input + begin) --out;
    return out;
}

struct Pool {
    Ints kernel, strides, dilations;
    Padding padding;
    Padding extension;  ///< what rounding up adds at the end
    bool extended = false;
};

Pool pool_of(const Call& call, const at::Tensor& x) {
    Pool pool;
    pool.kernel = call.node.ints_or("kernel_shape", {});
    const std::size_t rank = pool.kernel.size();
    if (rank < 1 || rank > 3 || static_cast<std::int64_t>(rank) + 2 != x.dim()) {
        cannot_run(call.node, fmt::format("a window of {} dimensions", rank));
    }
    pool.strides = call.node.ints_or("strides", Ints(rank, 1));
    pool.dilations = call.node.ints_or("dilations", Ints(rank, 1));
    const Ints input = spatial_sizes(x);
    pool.padding = padding_of(call, input, pool.kernel, pool.strides, pool.dilations);
    pool.extension = {Ints(rank, 0), Ints(rank, 0)};
    if (call.node.int_or("ceil_mode", 0) == 0) return pool;
    for (std::size_t i = 0; i < rank; ++i) {
        const std::int64_t extent = pool.dilations[i] * (pool.kernel[i] - 1) + 1;
        const std::int64_t pads = pool.padding.begin[i] + pool.padding.end[i];
        const std::int64_t out = pooled_size(input[i], pads, extent, pool.strides[i], pool.padding.begin[i], true);
        pool.extension.end[i] = std::max<std::int64_t>(0, (out - 1) * pool.strides[i] + extent - input[i] - pads);
        pool.extended = pool.extended || pool.extension.end[i] > 0;
    }
    return pool;
}

/// LibTorch pads a pool by at most half its window, and evenly.
bool pads_natively(const Pool& pool) {
    if (pool.extended || !pool.padding.symmetric()) return false;
    for (std::size_t i = 0; i < pool.kernel.size(); ++i) {
        if (2 * pool.padding.begin[i] > pool.kernel[i]) return false;
    }
    return true;
}

Tensors max_pool(Call& call) {
    at::Tensor x = call.input(0);
    if (!call.node.output(1).empty()) cannot_run(call.node, "the output Indices");
    const Pool pool = pool_of(call, x);
    Ints pads = pool.padding.begin;
    if (!pads_natively(pool)) {
        constexpr double lowest = -std::numeric_limits<double>::infinity();
        x = pad(pad(x, pool.padding, lowest), pool.extension, lowest);
        pads.assign(pads.size(), 0);
    }
    switch (pool.kernel.size()) {
        case 1:
            return {at::max_pool1d(x, pool.kernel, pool.strides, pads, pool.dilations)};
        case 2:
            return {at::max_pool2d(x, pool.kernel, pool.strides, pads, pool.dilations)};
        default:
            return {at::max_pool3d(x, pool.kernel, pool.strides, pads, pool.dilations)};
    }
}

at::Tensor mean_pool(const at::Tensor& x, const Pool& pool, const Ints& pads, bool count_pads) {
    switch (pool.kernel.size()) {
        case 1:
            return at::avg_pool1d(x, pool.kernel, pool.strides, pads, false, count_pads);
        case 2:
            return at::avg_pool2d(x, pool.kernel, pool.strides, pads, false, count_pads);
        default:
            return at::avg_pool3d(x, pool.kernel, pool.strides, pads, false, count_pads);
    }
}

Tensors average_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    const Pool pool = pool_of(call, x);
    if (std::any_of(pool.dilations.begin(), pool.dilations.end(), [](std::int64_t d) { return d != 1; })) {
        cannot_run(call.node, "an average over a dilated window");
    }
    const bool count_pads = call.node.int_or("count_include_pad", 0) != 0;
    if (pads_natively(pool)) return {mean_pool(x, pool, pool.padding.begin, count_pads)};
    // The mean over what counts: the sum of padded values over the number of positions that count. Rounding up never counts.
    const Ints none(pool.kernel.size(), 0);
    Ints one = x.sizes().vec();
    one[0] = one[1] = 1;
    const at::Tensor ones = at::ones(one, x.options().requires_grad(false));
    const at::Tensor sum = mean_pool(pad(pad(x, pool.padding, 0), pool.extension, 0), pool, none, true);
    const at::Tensor share =
        mean_pool(pad(pad(ones, pool.padding, count_pads ? 1 : 0), pool.extension, 0), pool, none, true);
    return {sum / share};
}

Tensors conv_transpose(Call& call) {
    const at::Tensor& x = call.input(0);
    const at::Tensor& w = call.input(1);
    const at::Tensor bias = call.has(2) ? call.input(2) : at::Tensor();
    const std::size_t rank = static_cast<std::size_t>(w.dim()) - 2;
    const Ints kernel = w.sizes().slice(2).vec(), input = spatial_sizes(x);
    const Ints strides = call.node.ints_or("strides", Ints(rank, 1));
    const Ints dilations = call.node.ints_or("dilations", Ints(rank, 1));
    Ints extra = call.node.ints_or("output_padding", Ints(rank, 0));
    const Ints output_shape = call.node.ints_or("output_shape", {});
    const std::string automatic = call.node.string_or("auto_pad", "NOTSET");
    Padding padding{Ints(rank, 0), Ints(rank, 0)};
    if (output_shape.empty() && automatic == "NOTSET") {
        padding = padding_of(call, input, kernel, strides, dilations);
    } else {
        for (std::size_t i = 0; i < rank; ++i) {
            const std::int64_t full = strides[i] * (input[i] - 1) + extra[i] + dilations[i] * (kernel[i] - 1) + 1;
            const std::int64_t wanted = !output_shape.empty()  ? output_shape[output_shape.size() - rank + i]
                                        : automatic == "VALID" ? full
                                                               : input[i] * strides[i];
            const std::int64_t total = std::max<std::int64_t>(0, full - wanted);
            padding.begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
            padding.end[i] = total - padding.begin[i];
            extra[i] += std::max<std::int64_t>(0, wanted - full);
        }
    }
    // The whole result, cut on both sides: pads may be uneven and the extra at the end larger than LibTorch allows.
    at::Tensor y =
        at::convolution(x, w, {}, strides, Ints(rank, 0), dilations, true, Ints(rank, 0), call.node.int_or("group", 1));
    y = pad(y, {Ints(rank, 0), extra}, 0);
    for (std::size_t i = 0; i < rank; ++i) {
        const std::int64_t dimension = static_cast<std::int64_t>(i) + 2;
        y = y.slice(dimension, padding.begin[i], y.size(dimension) - padding.end[i]);
    }
    if (!bias.defined()) return {y};
    Ints shape(rank + 2, 1);
    shape[1] = bias.numel();
    return {y + bias.reshape(shape)};
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
    const at::Tensor centred = x - x.mean(axes, true);
    const at::Tensor deviation = at::rsqrt((centred * centred).mean(axes, true) + call.node.float_or("epsilon", 1e-5F));
    const at::Tensor mean = x.mean(axes, true);
    at::Tensor y = centred * deviation * call.input(1);
    if (call.has(2)) y = y + call.input(2);
    return {y, mean, deviation};
}

Tensors global_average_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints axes(static_cast<std::size_t>(x.dim()) - 2);
    std::iota(axes.begin(), axes.end(), 2);
    return {x.mean(axes, true)};
}

Tensors global_max_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints shape(static_cast<std::size_t>(x.dim()), 1);
    shape[0] = x.size(0);
    shape[1] = x.size(1);
    return {std::get<0>(x.flatten(2).max(2)).reshape(shape)};
}

Tensors gemm(Call& call) {
    at::Tensor a = call.input(0);
    at::Tensor b = call.input(1);
    if (call.node.int_or("transA", 0)) a = a.t();
    if (call.node.int_or("transB", 0)) b = b.t();
    const double alpha = call.node.float_or("alpha", 1), beta = call.node.float_or("beta", 1);
    if (!call.has(2)) return {alpha == 1 ? at::mm(a, b) : at::mm(a, b) * alpha};
    return {at::addmm(call.input(2), a, b, beta, alpha)};
}

Tensors matmul(Call& call) { return {at::matmul(call.input(0), call.input(1))}; }

}  // namespace

const OperatorTable& network_operators() {
    static const OperatorTable table{
        {"AveragePool", average_pool},
        {"BatchNormalization", batch_normalization},
        {"Conv", conv},
        {"ConvTranspose", conv_transpose},
        {"Gemm", gemm},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalMaxPool", global_max_pool},
        {"InstanceNormalization", instance_normalization},
        {"LRN", lrn},
        {"LayerNormalization", layer_normalization},
        {"MatMul", matmul},
        {"MaxPool", max_pool},
    };
    return table;
}

}  // namespace locus::train
