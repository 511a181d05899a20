/// Shapes and casts.

#include <algorithm>
#include <limits>
#include <numeric>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"
#include "train/torch_types.hpp"

namespace locus::train {

namespace {

using Ints = std::vector<std::int64_t>;

at::Tensor as_integers(const Ints& values) { return at::tensor(values, at::kLong); }

/// A network computes in one type whatever its file says of halves and floats: what it is trained in.
at::ScalarType computed_type(const Call& call, at::ScalarType type) {
    return is_half(type) || type == at::kFloat ? call.computes_in : type;
}

Tensors cast(Call& call) {
    const DataType to = static_cast<DataType>(call.node.int_or("to", 1));
    const at::Tensor& x = call.input(0);
    return {x.to(computed_type(call, torch_type(to)))};
}

Tensors cast_like(Call& call) { return {call.input(0).to(computed_type(call, call.input(1).scalar_type()))}; }

Tensors concat(Call& call) {
    Tensors parts;
    for (std::size_t i = 0; i < call.inputs.size(); ++i) parts.push_back(call.input(i));
    return {at::cat(parts, positive_axis(call, call.node.int_or("axis", 1), parts[0].dim()))};
}

Tensors constant_of_shape(Call& call) {
    const Ints shape = call.integers(0);
    const auto found = call.node.attributes.find("value");
    if (found == call.node.attributes.end()) return {at::zeros(shape, call.computes_in)};
    at::Tensor value = to_torch(std::get<Tensor>(found->second)).reshape({});
    value = value.to(computed_type(call, value.scalar_type()));
    return {value.expand(shape).contiguous()};
}

Tensors expand(Call& call) {
    const at::Tensor& x = call.input(0);
    const at::Tensor like = at::empty({1}, x.options().requires_grad(false)).expand(call.integers(1));
    return {at::broadcast_tensors({x, like})[0]};
}

Tensors flatten(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t given = call.node.int_or("axis", 1);
    const std::int64_t axis = given < 0 ? given + x.dim() : given;
    if (axis < 0 || axis > x.dim()) cannot_run(call.node, fmt::format("axis {} of {} dimensions", given, x.dim()));
    std::int64_t rows = 1, columns = 1;
    for (std::int64_t i = 0; i < x.dim(); ++i) (i < axis ? rows : columns) *= x.size(i);
    return {x.reshape({rows, columns})};
}

Tensors pad(Call& call) {
    const at::Tensor& x = call.input(0);
    const Ints pads = call.integers_or_attribute(1, call.opset < 2 ? "paddings" : "pads").value_or(Ints());
    const std::string mode = call.node.string_or("mode", "constant");
    Ints axes(static_cast<std::size_t>(x.dim()));
    std::iota(axes.begin(), axes.end(), 0);
    if (call.has(3)) {
        axes = call.integers(3);
        for (std::int64_t& axis : axes) axis = positive_axis(call, axis, x.dim());
    }
    if (pads.size() != 2 * axes.size()) cannot_run(call.node, fmt::format("'pads' with {} values", pads.size()));
    Ints reversed(2 * static_cast<std::size_t>(x.dim()),
                  0);  // LibTorch's order: last dimension first, begin and end together
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const std::size_t at = 2 * static_cast<std::size_t>(x.dim() - 1 - axes[i]);
        reversed[at] = pads[i];
        reversed[at + 1] = pads[i + axes.size()];
    }
    if (mode == "constant") {
        const double value = call.has(2) ? call.input(2).item<double>() : call.node.float_or("value", 0);
        return {at::constant_pad_nd(x, reversed, value)};
    }
    if (mode != "reflect" && mode != "edge" && mode != "wrap") cannot_run(call.node, "mode '" + mode + "'");
    // One dimension after another, by indices: LibTorch pads only the last ones this way.
    at::Tensor y = x;
    for (std::int64_t d = 0; d < x.dim(); ++d) {
        const std::int64_t begin = reversed[2 * static_cast<std::size_t>(x.dim() - 1 - d)];
        const std::int64_t end = reversed[2 * static_cast<std::size_t>(x.dim() - 1 - d) + 1];
        const std::int64_t size = x.size(d);
        if (begin == 0 && end == 0) continue;
        Ints from;
        for (std::int64_t i = -begin; i < size + end; ++i) {
            if (mode == "edge") {
                from.push_back(std::clamp<std::int64_t>(i, 0, size - 1));
            } else if (mode == "wrap") {
                from.push_back(((i % size) + size) % size);
            } else {
                const std::int64_t period = std::max<std::int64_t>(1, 2 * (size - 1));
                const std::int64_t m = ((i % period) + period) % period;
                from.push_back(m < size ? m : period - m);
            }
        }
        y = y.index_select(d, as_integers(from));
    }
    return {y};
}

Tensors range(Call& call) {
    const at::Tensor& start = call.input(0);
    return {at::arange(start.item(), call.input(1).item(), call.input(2).item(), start.options().requires_grad(false))};
}

Tensors reshape(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints shape = call.integers_or_attribute(1, "shape").value_or(Ints());
    if (call.node.int_or("allowzero", 0) == 0) {
        for (std::size_t i = 0; i < shape.size(); ++i) {
            if (shape[i] == 0 && static_cast<std::int64_t>(i) < x.dim())
                shape[i] = x.size(static_cast<std::int64_t>(i));
        }
    }
    return {x.reshape(shape)};
}

Tensors shape(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t rank = x.dim();
    std::int64_t start = call.node.int_or("start", 0), end = call.node.int_or("end", rank);
    if (start < 0) start += rank;
    if (end < 0) end += rank;
    start = std::clamp<std::int64_t>(start, 0, rank);
    end = std::clamp<std::int64_t>(end, start, rank);
    return {as_integers(x.sizes().slice(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start)).vec())};
}

Tensors size(Call& call) { return {at::scalar_tensor(call.input(0).numel(), at::kLong)}; }

Tensors slice(Call& call) {
    at::Tensor x = call.input(0);
    const Ints starts = call.integers_or_attribute(1, "starts").value_or(Ints());
    const Ints ends = call.integers_or_attribute(2, "ends").value_or(Ints());
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = call.integers_or_attribute(3, "axes").value_or(axes);
    const Ints steps = call.has(4) ? call.integers(4) : Ints(starts.size(), 1);
    if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size()) {
        cannot_run(call.node, "a slice whose starts, ends, axes and steps differ in number");
    }
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const std::int64_t axis = positive_axis(call, axes[i], x.dim()), size = x.size(axis), step = steps[i];
        std::int64_t start = starts[i] < 0 ? starts[i] + size : starts[i];
        std::int64_t end = ends[i] < -size ? -1 : ends[i] < 0 ? ends[i] + size : ends[i];
        if (step > 0) {
            start = std::clamp<std::int64_t>(start, 0, size);
            end = std::clamp<std::int64_t>(end, start, size);
            x = x.slice(axis, start, end, step);
        } else if (step < 0) {  // LibTorch does not step backwards
            start = std::clamp<std::int64_t>(start, -1, size - 1);
            end = std::clamp<std::int64_t>(end, -1, size - 1);
            Ints from;
            for (std::int64_t at = start; at > end; at += step) from.push_back(at);
            x = x.index_select(axis, as_integers(from));
        } else {
            cannot_run(call.node, "a step of 0");
        }
    }
    return {x};
}

Tensors split(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 0), x.dim());
    Ints sizes = call.integers_or_attribute(1, "split").value_or(Ints());
    if (sizes.empty()) {
        const std::int64_t parts = static_cast<std::int64_t>(call.node.outputs.size());
        const std::int64_t each = (x.size(axis) + parts - 1) / parts;
        for (std::int64_t i = 0; i < parts; ++i)
            sizes.push_back(std::clamp<std::int64_t>(x.size(axis) - i * each, 0, each));
    }
    return at::split_with_sizes(x, sizes, axis);
}

Tensors squeeze(Call& call) {
    at::Tensor x = call.input(0);
    auto axes = call.integers_or_attribute(1, "axes");
    if (!axes) return {x.squeeze()};
    for (std::int64_t& axis : *axes) axis = positive_axis(call, axis, x.dim());
    std::sort(axes->rbegin(), axes->rend());
    for (const std::int64_t axis : *axes) x = x.squeeze(axis);
    return {x};
}

Tensors unsqueeze(Call& call) {
    at::Tensor x = call.input(0);
    Ints axes = call.integers_or_attribute(1, "axes").value_or(Ints());
    const std::int64_t rank = x.dim() + static_cast<std::int64_t>(axes.size());
    for (std::int64_t& axis : axes) axis = positive_axis(call, axis, rank);
    std::sort(axes.begin(), axes.end());
    for (const std::int64_t axis : axes) x = x.unsqueeze(axis);
    return {x};
}

Tensors tile(Call& call) { return {call.input(0).repeat(call.integers(1))}; }

Tensors transpose(Call& call) {
    const at::Tensor& x = call.input(0);
    Ints backwards(static_cast<std::size_t>(x.dim()));
    for (std::size_t i = 0; i < backwards.size(); ++i) backwards[i] = x.dim() - 1 - static_cast<std::int64_t>(i);
    return {x.permute(call.node.ints_or("perm", backwards))};
}

Tensors depth_to_space(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t b = call.node.int_or("blocksize", 1), n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    const at::Tensor y = call.node.string_or("mode", "DCR") == "DCR"
                             ? x.reshape({n, b, b, c / (b * b), h, w}).permute({0, 3, 4, 1, 5, 2})
                             : x.reshape({n, c / (b * b), b, b, h, w}).permute({0, 1, 4, 2, 5, 3});
    return {y.reshape({n, c / (b * b), h * b, w * b})};
}

Tensors space_to_depth(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t b = call.node.int_or("blocksize", 1), n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    return {x.reshape({n, c, h / b, b, w / b, b}).permute({0, 3, 5, 1, 2, 4}).reshape({n, c * b * b, h / b, w / b})};
}

}  // namespace

const OperatorTable& shape_operators() {
    static const OperatorTable table{
        {"Cast", cast},
        {"CastLike", cast_like},
        {"Concat", concat},
        {"ConstantOfShape", constant_of_shape},
        {"DepthToSpace", depth_to_space},
        {"Expand", expand},
        {"Flatten", flatten},
        {"Pad", pad},
        {"Range", range},
        {"Reshape", reshape},
        {"Shape", shape},
        {"Size", size},
        {"Slice", slice},
        {"SpaceToDepth", space_to_depth},
        {"Split", split},
        {"Squeeze", squeeze},
        {"Tile", tile},
        {"Transpose", transpose},
        {"Unsqueeze", unsqueeze},
    };
    return table;
}

}  // namespace locus::train
