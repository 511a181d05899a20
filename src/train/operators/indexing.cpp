/// Tensors read and written by indices and conditions.

#include <functional>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/version.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"
#include "train/torch_types.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;

/// Indices from the end made indices from the front.
at::Tensor wrapped(const at::Tensor& indices, std::int64_t size) {
    const at::Tensor wide = indices.to(at::kLong);
    return at::where(wide < 0, wide + size, wide);
}

Tensors gather(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 0), x.dim());
    const at::Tensor indices = wrapped(call.input(1), x.size(axis));
    Ints shape = x.sizes().slice(0, static_cast<std::size_t>(axis)).vec();
    const auto middle = indices.sizes();
    shape.insert(shape.end(), middle.begin(), middle.end());
    const auto tail = x.sizes().slice(static_cast<std::size_t>(axis) + 1);
    shape.insert(shape.end(), tail.begin(), tail.end());
    return {x.index_select(axis, indices.reshape({-1})).reshape(shape)};
}

Tensors gather_elements(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 0), x.dim());
    return {at::gather(x, axis, wrapped(call.input(1), x.size(axis)))};
}

std::int64_t product(at::IntArrayRef sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

/// Tuples of indices [..., k] into dimensions of these sizes as positions in what these dimensions form together:
/// [...].
at::Tensor positions(const at::Tensor& tuples, at::IntArrayRef sizes) {
    at::Tensor place = at::zeros(tuples.sizes().slice(0, static_cast<std::size_t>(tuples.dim()) - 1), at::kLong);
    for (std::size_t i = 0; i < sizes.size(); ++i)
        place = place * sizes[i] + wrapped(tuples.select(-1, static_cast<std::int64_t>(i)), sizes[i]);
    return place;
}

/// How many dimensions the tuples of GatherND and ScatterND name, behind `batch` that they leave alone.
std::size_t tuple_length(const Call& call, const at::Tensor& x, const at::Tensor& tuples, std::int64_t batch) {
    const std::int64_t length = tuples.dim() > 0 ? tuples.size(-1) : -1;
    if (batch < 0 || batch >= tuples.dim() || length < 0 || batch + length > x.dim()) {
        throw Error(ErrorKind::model,
                    fmt::format("{} ({}): indices of {} numbers into {} dimensions, {} of them the batch's",
                                call.node.description(), call.node.op_type, length, x.dim(), batch));
    }
    return static_cast<std::size_t>(length);
}

Tensors gather_nd(Call& call) {
    const at::Tensor &x = call.input(0), &tuples = call.input(1);
    const std::int64_t batch = call.node.int_or("batch_dims", 0);
    const std::size_t k = tuple_length(call, x, tuples, batch), b = static_cast<std::size_t>(batch);
    const at::IntArrayRef named = x.sizes().slice(b, k), rest = x.sizes().slice(b + k);
    const std::int64_t batches = product(x.sizes().slice(0, b)), each = product(named);
    const at::Tensor first = (at::arange(batches, at::kLong) * each).unsqueeze(1);
    const at::Tensor rows = positions(tuples, named).reshape({batches, -1}) + first;
    Ints shape = tuples.sizes().slice(0, static_cast<std::size_t>(tuples.dim()) - 1).vec();
    shape.insert(shape.end(), rest.begin(), rest.end());
    return {x.reshape({batches * each, product(rest)}).index_select(0, rows.reshape({-1})).reshape(shape)};
}

/// LibTorch warns that scatter_reduce may change its form; a library does not print.
#if TORCH_VERSION_MAJOR >= 2
struct Silence : c10::WarningHandler {
    void process(const c10::Warning&) override {}
};
using WarningsGoTo = c10::WarningUtils::WarningHandlerGuard;
#else
struct Silence : c10::WarningHandler {
    void process(const c10::SourceLocation&, const std::string&, bool) override {}
};
using WarningsGoTo = c10::Warning::WarningHandlerGuard;
#endif

/// `updates` written into `x` along an axis.
at::Tensor scattered(const Call& call, const at::Tensor& x, std::int64_t axis, const at::Tensor& indices,
                     const at::Tensor& updates) {
    const std::string reduction = call.node.string_or("reduction", "none");
    if (reduction == "none") return x.scatter(axis, indices, updates);
    if (reduction == "add") return x.scatter_add(axis, indices, updates);
    const std::string name = reduction == "mul"   ? "prod"
                             : reduction == "max" ? "amax"
                             : reduction == "min" ? "amin"
                                                  : "";
    if (name.empty()) cannot_run(call.node, "reduction '" + reduction + "'");
    Silence silence;
    const WarningsGoTo quiet(&silence);
    return at::scatter_reduce(x, axis, indices, updates, name);
}

Tensors scatter_elements(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 0), x.dim());
    return {scattered(call, x, axis, wrapped(call.input(1), x.size(axis)), call.input(2).to(x.scalar_type()))};
}

Tensors scatter_nd(Call& call) {
    const at::Tensor &x = call.input(0), &tuples = call.input(1);
    const std::size_t k = tuple_length(call, x, tuples, 0);
    const at::IntArrayRef named = x.sizes().slice(0, k);
    const std::int64_t rest = product(x.sizes().slice(k));
    const at::Tensor rows = positions(tuples, named).reshape({-1, 1});
    return {scattered(call, x.reshape({product(named), rest}), 0, rows.expand({rows.size(0), rest}),
                      call.input(2).to(x.scalar_type()).reshape({rows.size(0), rest}))
                .reshape(x.sizes())};
}

/// Depth classes along a new axis; indices outside of -depth ... depth - 1 give only the value for off.
Tensors one_hot(Call& call) {
    const std::int64_t depth = call.integers(1).at(0);
    const at::Tensor& values = call.input(2);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", -1), call.input(0).dim() + 1);
    Ints shape(static_cast<std::size_t>(call.input(0).dim()) + 1, 1);
    shape[static_cast<std::size_t>(axis)] = depth;
    const at::Tensor hot = wrapped(call.input(0), depth).unsqueeze(axis) == at::arange(depth, at::kLong).reshape(shape);
    return {at::where(hot, values.select(0, 1), values.select(0, 0))};
}

Tensors triangle(Call& call) {
    const std::int64_t k = call.has(1) ? call.integers(1).at(0) : 0;
    return {call.node.int_or("upper", 1) != 0 ? call.input(0).triu(k) : call.input(0).tril(k)};
}

Tensors eye_like(Call& call) {
    const at::Tensor& x = call.input(0);
    at::ScalarType type = x.scalar_type();
    if (call.node.has("dtype")) type = torch_type(static_cast<DataType>(call.node.int_or("dtype", 1)));
    const std::int64_t k = call.node.int_or("k", 0);
    const at::Tensor rows = at::arange(x.size(0), at::kLong).unsqueeze(1), columns = at::arange(x.size(1), at::kLong);
    return {(columns - rows == k).to(at::isFloatingType(type) ? call.computes_in : type)};
}

Tensors non_zero(Call& call) { return {at::nonzero(call.input(0)).t()}; }

Tensors compress(Call& call) {
    at::Tensor x = call.input(0);
    const std::int64_t axis = call.node.has("axis") ? positive_axis(call, call.node.int_or("axis", 0), x.dim()) : 0;
    if (!call.node.has("axis")) x = x.reshape({-1});
    return {x.index_select(axis, at::nonzero(call.input(1)).reshape({-1}))};
}

/// The first so many steps of each sequence in the opposite order.
Tensors reverse_sequence(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t batch = call.node.int_or("batch_axis", 1), time = call.node.int_or("time_axis", 0);
    const at::Tensor steps = at::arange(x.size(time), at::kLong).unsqueeze(1), lengths = call.input(1).to(at::kLong);
    at::Tensor from = at::where(steps < lengths, lengths - 1 - steps, steps);  // [time, batch]
    if (batch < time) from = from.t();
    Ints shape(static_cast<std::size_t>(x.dim()), 1);
    shape[static_cast<std::size_t>(batch)] = x.size(batch);
    shape[static_cast<std::size_t>(time)] = x.size(time);
    return {x.gather(time, from.reshape(shape).expand(x.sizes()))};
}

}  // namespace

const OperatorTable& indexing_operators() {
    static const OperatorTable table{
        {"Compress", compress},
        {"EyeLike", eye_like},
        {"Gather", gather},
        {"GatherElements", gather_elements},
        {"GatherND", gather_nd},
        {"NonZero", non_zero},
        {"OneHot", one_hot},
        {"ReverseSequence", reverse_sequence},
        {"Scatter", scatter_elements},  // deprecated since opset 11
        {"ScatterElements", scatter_elements},
        {"ScatterND", scatter_nd},
        {"Trilu", triangle},
    };
    return table;
}

}  // namespace locus::train
