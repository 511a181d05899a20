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
    auto [y, mean, invstd] = at::native_batch_norm(x, call.input(1), call.input(2), {}, {}, true, 0.0, epsilon);
    if (call.statistics) {
        const double count = static_cast<double>(x.numel()) / static_cast<double>(x.size(1));
        const at::Tensor variance = at::clamp_min(invstd.detach().pow(-2) - epsilon, 0.0);
        call.statistics->push_back({&call.node, mean.detach(), variance * (count / std::max(1.0, count - 1))});
    }
    return {y};
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
        {"BatchNormalization", batch_normalization},
        {"Conv", conv},
        {"Gemm", gemm},
        {"GlobalAveragePool", global_average_pool},
        {"GlobalMaxPool", global_max_pool},
        {"MatMul", matmul},
    };
    return table;
}

}  // namespace locus::train
