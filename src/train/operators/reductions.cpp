/// What runs along axes: reductions, softmax, running sums, the largest.

#include <algorithm>
#include <limits>
#include <numeric>

#include <ATen/ATen.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;

/// Reductions: the axes became an input in opset 18, of ReduceSum in 13.
template <at::Tensor (*function)(const at::Tensor&, const Ints&, bool), bool exact = true> Tensors reduce(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints axes = call.integers_or_attribute(1, "axes").value_or(Ints());
    if (axes.empty()) {
        if (call.node.int_or("noop_with_empty_axes", 0)) return {x};
        axes.resize(static_cast<std::size_t>(x.dim()));
        std::iota(axes.begin(), axes.end(), 0);
    }
    for (std::int64_t& axis : axes) axis = positive_axis(call, axis, x.dim());
    const bool keep = call.node.int_or("keepdims", 1) != 0;
    const at::ScalarType given = x.scalar_type();
    if (!at::isIntegralType(given, false)) return {function(x, axes, keep)};
    // LibTorch sums into wider integers, and has neither means nor logarithms of them.
    return {function(exact ? x : x.to(at::kDouble), axes, keep).to(given)};
}

at::Tensor sum_of(const at::Tensor& x, const Ints& axes, bool keep) { return axes.empty() ? x : x.sum(axes, keep); }
at::Tensor mean_of(const at::Tensor& x, const Ints& axes, bool keep) { return axes.empty() ? x : x.mean(axes, keep); }
/// Of floats that are none: what no number is beyond.
bool is_of_nothing(const at::Tensor& x) { return x.numel() == 0 && x.is_floating_point(); }
constexpr double infinity = std::numeric_limits<double>::infinity();

at::Tensor max_of(const at::Tensor& x, const Ints& axes, bool keep) {
    if (axes.empty()) return x;
    return is_of_nothing(x) ? at::full_like(x.sum(axes, keep), -infinity) : at::amax(x, axes, keep);
}
at::Tensor min_of(const at::Tensor& x, const Ints& axes, bool keep) {
    if (axes.empty()) return x;
    return is_of_nothing(x) ? at::full_like(x.sum(axes, keep), infinity) : at::amin(x, axes, keep);
}
at::Tensor l1_of(const at::Tensor& x, const Ints& axes, bool keep) { return sum_of(x.abs(), axes, keep); }
at::Tensor l2_of(const at::Tensor& x, const Ints& axes, bool keep) { return at::norm(x, 2, axes, keep); }
at::Tensor sum_square_of(const at::Tensor& x, const Ints& axes, bool keep) { return sum_of(x * x, axes, keep); }
at::Tensor log_sum_of(const at::Tensor& x, const Ints& axes, bool keep) { return sum_of(x, axes, keep).log(); }
at::Tensor log_sum_exp_of(const at::Tensor& x, const Ints& axes, bool keep) { return at::logsumexp(x, axes, keep); }
at::Tensor product_of(const at::Tensor& x, const Ints& axes, bool keep) {
    at::Tensor y = x;
    Ints falling = axes;
    std::sort(falling.rbegin(), falling.rend());
    for (const std::int64_t axis : falling) y = y.prod(axis, keep);
    return y;
}

template <at::Tensor (*function)(const at::Tensor&, c10::optional<std::int64_t>, bool)> Tensors arg(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 0), x.dim());
    const bool keep = call.node.int_or("keepdims", 1) != 0;
    if (call.node.int_or("select_last_index", 0)) {
        return {x.size(axis) - 1 - function(x.flip(axis), axis, keep)};
    }
    return {function(x, axis, keep)};
}

/// Before opset 13 all axes from the given one on form one.
template <at::Tensor (*function)(const at::Tensor&, std::int64_t, c10::optional<at::ScalarType>)>
Tensors soft_max(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", call.opset < 13 ? 1 : -1), x.dim());
    if (call.opset >= 13) return {function(x, axis, c10::nullopt)};
    std::int64_t rows = 1;
    for (std::int64_t i = 0; i < axis; ++i) rows *= x.size(i);
    return {function(x.reshape({rows, -1}), 1, c10::nullopt).reshape(x.sizes())};
}

at::Tensor hardmax_of(const at::Tensor& x, std::int64_t axis, c10::optional<at::ScalarType>) {
    return at::zeros_like(x.detach()).scatter(axis, at::argmax(x, axis, true), 1);
}

/// Among equals the first come first.
Tensors top_k(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", -1), x.dim());
    const std::int64_t k = call.opset < 10 ? call.node.int_or("k", 1) : call.integers(1).at(0);
    auto [values, indices] = at::sort(x, true, axis, call.node.int_or("largest", 1) != 0);
    return {values.narrow(axis, 0, k), indices.narrow(axis, 0, k)};
}

Tensors cumulative_sum(Call& call) {
    at::Tensor x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.integers(1).at(0), x.dim());
    const bool reverse = call.node.int_or("reverse", 0) != 0;
    if (reverse) x = x.flip(axis);
    if (call.node.int_or("exclusive", 0) && x.size(axis) > 0) {
        const at::Tensor zero = at::zeros_like(x.narrow(axis, 0, 1));
        x = at::cat({zero, x.narrow(axis, 0, x.size(axis) - 1)}, axis);
    }
    const at::Tensor sum = at::cumsum(x, axis, x.scalar_type());
    return {reverse ? sum.flip(axis) : sum};
}

}  // namespace

const OperatorTable& reduction_operators() {
    static const OperatorTable table{
        {"ArgMax", arg<at::argmax>},
        {"ArgMin", arg<at::argmin>},
        {"CumSum", cumulative_sum},
        {"Hardmax", soft_max<hardmax_of>},
        {"LogSoftmax", soft_max<at::log_softmax>},
        {"ReduceL1", reduce<l1_of>},
        {"ReduceL2", reduce<l2_of, false>},
        {"ReduceLogSum", reduce<log_sum_of, false>},
        {"ReduceLogSumExp", reduce<log_sum_exp_of, false>},
        {"ReduceMax", reduce<max_of>},
        {"ReduceMean", reduce<mean_of, false>},
        {"ReduceMin", reduce<min_of>},
        {"ReduceProd", reduce<product_of>},
        {"ReduceSum", reduce<sum_of>},
        {"ReduceSumSquare", reduce<sum_square_of>},
        {"Softmax", soft_max<at::softmax>},
        {"TopK", top_k},
    };
    return table;
}

}  // namespace locus::train
