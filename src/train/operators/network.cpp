/// Convolutions, pools and linear layers, with ONNX's semantics.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"

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

/// Sums over the windows of a padded tensor.
at::Tensor window_sum(const at::Tensor& x, const Pool& pool) {
    const std::size_t rank = pool.kernel.size();
    Ints shape = x.sizes().vec(), window = pool.kernel;
    shape[0] *= std::exchange(shape[1], 1);  // each channel by itself
    window.insert(window.begin(), 2, 1);
    const at::Tensor ones = at::ones(window, x.options().requires_grad(false));
    const at::Tensor sum = at::convolution(x.reshape(shape), ones, {}, pool.strides, Ints(rank, 0), pool.dilations,
                                           false, Ints(rank, 0), 1);
    Ints result = sum.sizes().vec();
    result[0] = x.size(0);
    result[1] = x.size(1);
    return sum.reshape(result);
}

Tensors average_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    const Pool pool = pool_of(call, x);
    const bool dilated = std::any_of(pool.dilations.begin(), pool.dilations.end(), [](auto d) { return d != 1; });
    const bool count_pads = call.node.int_or("count_include_pad", 0) != 0;
    if (pads_natively(pool) && !dilated) return {mean_pool(x, pool, pool.padding.begin, count_pads)};
    // The mean over what counts: the sum of padded values over the number of positions that count. Rounding up never
    // counts.
    const Ints none(pool.kernel.size(), 0);
    Ints one = x.sizes().vec();
    one[0] = one[1] = 1;
    const at::Tensor ones = at::ones(one, x.options().requires_grad(false));
    const at::Tensor padded = pad(pad(x, pool.padding, 0), pool.extension, 0);
    const at::Tensor counting = pad(pad(ones, pool.padding, count_pads ? 1 : 0), pool.extension, 0);
    if (dilated) return {window_sum(padded, pool) / window_sum(counting, pool)};
    return {mean_pool(padded, pool, none, true) / mean_pool(counting, pool, none, true)};
}

Tensors lp_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    const Pool pool = pool_of(call, x);
    const double p = call.node.int_or("p", 2);
    const at::Tensor sum = window_sum(pad(pad(x.abs().pow(p), pool.padding, 0), pool.extension, 0), pool);
    // The root's derivative at 0 is infinite: windows of zeros pass none.
    const at::Tensor is_zero = sum == 0;
    return {at::where(is_zero, at::zeros_like(sum), at::where(is_zero, at::ones_like(sum), sum).pow(1 / p))};
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

Tensors global_lp_pool(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints axes(static_cast<std::size_t>(x.dim()) - 2);
    std::iota(axes.begin(), axes.end(), 2);
    return {at::norm(x, call.node.int_or("p", 2), axes, true)};
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

Tensors einsum(Call& call) {
    Tensors factors;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) factors.push_back(call.input(i));
    return {at::einsum(call.node.string_or("equation", ""), factors)};
}

/// [n, tokens, heads * d] as [n, heads, tokens, d]; four dimensions stay.
at::Tensor heads_apart(const Call& call, const at::Tensor& x, const char* heads) {
    if (x.dim() == 4) return x;
    const std::int64_t count = call.node.int_or(heads, 0);
    if (x.dim() != 3 || count < 1 || x.size(2) % count != 0)
        cannot_run(call.node, fmt::format("a division of {} into {} heads", fmt::join(x.sizes(), " x "), count));
    return x.unflatten(2, {count, x.size(2) / count}).transpose(1, 2);
}

/// Vaswani et al. 2017: softmax(scale * Q K^T + mask) V, where several heads of Q may share one of K and V.
Tensors attention(Call& call) {
    if (call.has(4) || call.has(5) || call.has(6)) cannot_run(call.node, "keys and values of earlier passes");
    if (call.node.float_or("softcap", 0) != 0) cannot_run(call.node, "softcap");
    for (const std::size_t i : {1U, 2U, 3U}) {
        if (!call.node.output(i).empty()) cannot_run(call.node, fmt::format("its output {}", i));
    }
    const at::Tensor q = heads_apart(call, call.input(0), "q_num_heads");
    at::Tensor k = heads_apart(call, call.input(1), "kv_num_heads"),
               v = heads_apart(call, call.input(2), "kv_num_heads");
    if (k.size(1) != q.size(1)) {
        k = k.repeat_interleave(q.size(1) / k.size(1), 1);
        v = v.repeat_interleave(q.size(1) / v.size(1), 1);
    }
    const double scale = call.node.float_or("scale", 0);
    at::Tensor scores = at::matmul(q, k.transpose(2, 3)) * (scale != 0 ? scale : 1 / std::sqrt(q.size(3)));
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    if (call.has(3)) {
        const at::Tensor& mask = call.input(3);
        scores = mask.scalar_type() == at::kBool ? scores.masked_fill(mask.logical_not(), lowest) : scores + mask;
    }
    if (call.node.int_or("is_causal", 0))
        scores = scores.masked_fill(at::ones({q.size(2), k.size(2)}, at::kBool).triu(1), lowest);
    const at::Tensor y = at::matmul(scores.softmax(-1), v);
    return {call.input(0).dim() == 4 ? y : y.transpose(1, 2).flatten(2)};
}

}  // namespace

const OperatorTable& network_operators() {
    static const OperatorTable table{
        {"Attention", attention},
        {"AveragePool", average_pool},
        {"Conv", conv},
        {"ConvTranspose", conv_transpose},
        {"Einsum", einsum},
        {"Gemm", gemm},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalLpPool", global_lp_pool},
        {"GlobalMaxPool", global_max_pool},
        {"LpPool", lp_pool},
        {"MatMul", matmul},
        {"MaxPool", max_pool},
    };
    return table;
}

}  // namespace locus::train
