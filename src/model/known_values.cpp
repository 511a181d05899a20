// The values of shape arithmetic: Shape, Gather, Concat and what else exporters write to compute a Reshape's target, a
// Slice's bounds or the indices of a ScatterND. Small tensors only, worked out in double, which holds every integer
// that can be a size.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "locus/error.hpp"
#include "model/first_number.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

struct Operands {
    const Node& node;
    const KnownTensors& known;
    const KnownTensor& result;

    bool has(std::size_t i) const { return !node.input(i).empty(); }
    const Tensor* tensor(std::size_t i) const {
        const auto found = known.find(node.input(i));
        return !has(i) || found == known.end() || !found->second.value ? nullptr : &*found->second.value;
    }
    /// These throw std::out_of_range where the node lacks the input.
    const Tensor& given(std::size_t i) const {
        const Tensor* found = tensor(i);
        return found != nullptr ? *found : throw std::out_of_range("no such input");
    }
    const Shape& shape(std::size_t i) const { return known.at(node.input(i)).shape; }
    std::vector<double> values(std::size_t i) const {
        const Tensor doubles = given(i).to(DataType::float64);
        const auto span = doubles.values<double>();
        return {span.begin(), span.end()};
    }
    Ints ints(std::size_t i) const { return given(i).to_int64s(); }
    std::int64_t axis(std::int64_t fallback) const {
        const auto axis = node.int_or("axis", fallback);
        return axis < 0 ? axis + static_cast<std::int64_t>(shape(0).size()) : axis;
    }
};

using Values = std::vector<double>;
using Evaluate = Values (*)(const Operands&);

Ints strides_of(const Shape& shape) {
    Ints strides(shape.size(), 1);
    if (element_count(shape) == 0) return strides;  // nothing lies anywhere, and the other sizes may be of any size
    for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    return strides;
}

/// Calls `visit` with the coordinates of each element of `shape`, in order.
template <class Visit> void for_each(const Shape& shape, Visit visit) {
    Ints at(shape.size(), 0);
    for (std::int64_t left = element_count(shape); left > 0; --left) {
        visit(at);
        for (std::size_t i = shape.size(); i-- > 0;) {
            if (++at[i] < shape[i]) break;
            at[i] = 0;
        }
    }
}

/// Offset in a tensor of `shape`, broadcast, of the element at `at` of the result.
std::int64_t broadcast_offset(const Shape& shape, const Ints& strides, const Ints& at) {
    std::int64_t offset = 0;
    const auto lead = at.size() - shape.size();
    for (std::size_t i = 0; i < shape.size(); ++i) offset += shape[i] == 1 ? 0 : at[lead + i] * strides[i];
    return offset;
}

template <class F> Values elementwise(const Operands& n, F f) {
    Values result = [&] {
        Values first;
        const auto a = n.values(0);
        const auto strides = strides_of(n.shape(0));
        for_each(n.result.shape,
                 [&](const Ints& at) { first.push_back(a.at(broadcast_offset(n.shape(0), strides, at))); });
        return first;
    }();
    for (std::size_t i = 1; i < n.node.inputs.size(); ++i) {
        const auto b = n.values(i);
        const auto strides = strides_of(n.shape(i));
        std::size_t k = 0;
        for_each(n.result.shape, [&](const Ints& at) {
            result[k] = f(result[k], b.at(broadcast_offset(n.shape(i), strides, at)));
            ++k;
        });
    }
    return result;
}

template <class F> Values map(const Operands& n, F f) {
    Values result = n.values(0);
    std::transform(result.begin(), result.end(), result.begin(), f);
    return result;
}

Values copy(const Operands& n) { return n.values(0); }

Values shape_of(const Operands& n) {
    const auto rank = static_cast<std::int64_t>(n.shape(0).size());
    auto start = n.node.int_or("start", 0);
    if (start < 0) start += rank;
    if (start < 0 || n.result.shape.at(0) > rank - start) return {};
    return {n.shape(0).begin() + start, n.shape(0).begin() + start + n.result.shape[0]};
}

Values size_of(const Operands& n) { return {static_cast<double>(element_count(n.shape(0)))}; }

Values divide(const Operands& n) {
    const bool whole = !is_floating(n.result.type);
    return elementwise(n, [whole](double a, double b) { return whole ? (b == 0 ? 0 : std::trunc(a / b)) : a / b; });
}

Values modulo(const Operands& n) {
    const bool as_c = n.node.int_or("fmod", 0) != 0;
    return elementwise(n, [as_c](double a, double b) {
        return b == 0 ? 0 : as_c ? std::fmod(a, b) : a - b * std::floor(a / b);
    });
}

Values where(const Operands& n) {
    Values result;
    const auto c = n.values(0), a = n.values(1), b = n.values(2);
    const auto sc = strides_of(n.shape(0)), sa = strides_of(n.shape(1)), sb = strides_of(n.shape(2));
    for_each(n.result.shape, [&](const Ints& at) {
        result.push_back(c[broadcast_offset(n.shape(0), sc, at)] != 0 ? a[broadcast_offset(n.shape(1), sa, at)]
                                                                      : b[broadcast_offset(n.shape(2), sb, at)]);
    });
    return result;
}

Values gather(const Operands& n) {
    const auto axis = n.axis(0);
    const Shape& shape = n.shape(0);
    const auto data = n.values(0);
    const auto indices = n.ints(1);
    const auto inner = element_count({shape.begin() + axis + 1, shape.end()}),
               outer = element_count({shape.begin(), shape.begin() + axis});
    Values result;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (auto index : indices) {
            if (index < 0) index += shape[axis];
            if (index < 0 || index >= shape[axis]) return {};
            for (std::int64_t i = 0; i < inner; ++i) result.push_back(data.at((o * shape[axis] + index) * inner + i));
        }
    }
    return result;
}

Values slice(const Operands& n) {
    const Shape& shape = n.shape(0);
    const auto rank = static_cast<std::int64_t>(shape.size());
    const auto starts = n.ints(1);
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (n.has(3)) axes = n.ints(3);
    Ints from(shape.size(), 0), step(shape.size(), 1);
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto axis = axes.at(i) < 0 ? axes[i] + rank : axes[i];
        step.at(axis) = n.has(4) ? n.ints(4).at(i) : 1;
        const auto size = shape[axis];
        const auto last = std::max<std::int64_t>(0, step[axis] > 0 ? size : size - 1);
        from[axis] = std::clamp<std::int64_t>(starts[i] < 0 ? starts[i] + size : starts[i], 0, last);
    }
    const auto data = n.values(0);
    const auto strides = strides_of(shape);
    Values result;
    for_each(n.result.shape, [&](const Ints& at) {
        std::int64_t offset = 0;
        for (std::size_t i = 0; i < at.size(); ++i) offset += (from[i] + at[i] * step[i]) * strides[i];
        result.push_back(data.at(offset));
    });
    return result;
}

Values concat(const Operands& n) {
    const auto axis = n.axis(1);
    const auto outer = element_count({n.result.shape.begin(), n.result.shape.begin() + axis});
    Values result;
    for (std::int64_t o = 0; o < outer; ++o) {
        for (std::size_t i = 0; i < n.node.inputs.size(); ++i) {
            const auto values = n.values(i);
            const auto block = static_cast<std::int64_t>(values.size()) / outer;
            result.insert(result.end(), values.begin() + o * block, values.begin() + (o + 1) * block);
        }
    }
    return result;
}

Values transpose(const Operands& n) {
    Ints order(n.shape(0).size());
    std::iota(order.rbegin(), order.rend(), 0);
    order = n.node.ints_or("perm", order);
    const auto strides = strides_of(n.shape(0));
    const auto data = n.values(0);
    Values result;
    for_each(n.result.shape, [&](const Ints& at) {
        std::int64_t offset = 0;
        for (std::size_t i = 0; i < at.size(); ++i) offset += at[i] * strides.at(order.at(i));
        result.push_back(data.at(offset));
    });
    return result;
}

Values constant_of_shape(const Operands& n) {
    const auto value = n.node.attributes.find("value");
    double fill = 0;
    if (value != n.node.attributes.end()) {
        const auto& given = std::get<Tensor>(value->second);
        if (given.size() != 1) return {};
        fill = first_number(given);
    }
    return Values(static_cast<std::size_t>(element_count(n.result.shape)), fill);
}

Values range(const Operands& n) {
    Values result(static_cast<std::size_t>(n.result.shape[0]));
    const double start = n.values(0).at(0), step = n.values(2).at(0);
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = start + static_cast<double>(i) * step;
    return result;
}

Values expand(const Operands& n) {
    const auto data = n.values(0);
    const auto strides = strides_of(n.shape(0));
    Values result;
    for_each(n.result.shape,
             [&](const Ints& at) { result.push_back(data.at(broadcast_offset(n.shape(0), strides, at))); });
    return result;
}

Values tile(const Operands& n) {
    const auto data = n.values(0);
    const auto strides = strides_of(n.shape(0));
    Values result;
    for_each(n.result.shape, [&](const Ints& at) {
        std::int64_t offset = 0;
        for (std::size_t i = 0; i < at.size(); ++i) offset += at[i] % n.shape(0).at(i) * strides[i];
        result.push_back(data.at(offset));
    });
    return result;
}

Values scatter_nd(const Operands& n) {
    if (n.node.string_or("reduction", "none") != "none") return {};
    Values result = n.values(0);
    const auto indices = n.ints(1);
    const auto updates = n.values(2);
    const auto depth = n.shape(1).empty() ? 0 : static_cast<std::size_t>(n.shape(1).back());
    if (depth == 0 || depth > n.shape(0).size()) return {};
    const auto strides = strides_of(n.shape(0));
    const auto block = element_count({n.shape(0).begin() + static_cast<std::ptrdiff_t>(depth), n.shape(0).end()});
    for (std::size_t i = 0; i * depth < indices.size(); ++i) {
        std::int64_t offset = 0;
        for (std::size_t d = 0; d < depth; ++d) {
            const auto size = n.shape(0)[d];
            const auto at = indices[i * depth + d] < 0 ? indices[i * depth + d] + size : indices[i * depth + d];
            if (at < 0 || at >= size) return {};
            offset += at * strides[d];
        }
        for (std::int64_t b = 0; b < block; ++b) result.at(offset + b) = updates.at(i * block + b);
    }
    return result;
}

/// ReduceProd, ReduceSum, ReduceMax, ReduceMin over everything, as shape arithmetic does.
template <class F> Values reduce_all(const Operands& n, F f) {
    if (element_count(n.result.shape) != 1) return {};
    const auto values = n.values(0);
    if (values.empty()) return {};
    return {std::accumulate(values.begin() + 1, values.end(), values[0], f)};
}

/// Values from shapes alone: the input itself may be data.
const std::unordered_map<std::string_view, Evaluate>& shape_readers() {
    static const std::unordered_map<std::string_view, Evaluate> table{{"Shape", shape_of}, {"Size", size_of}};
    return table;
}

const std::unordered_map<std::string_view, Evaluate>& evaluators() {
    static const std::unordered_map<std::string_view, Evaluate> table{
        {"Identity", copy},
        {"Cast", copy},
        {"Reshape", copy},
        {"Flatten", copy},
        {"Squeeze", copy},
        {"Unsqueeze", copy},
        {"Add", [](const Operands& n) { return elementwise(n, std::plus<double>()); }},
        {"Sub", [](const Operands& n) { return elementwise(n, std::minus<double>()); }},
        {"Mul", [](const Operands& n) { return elementwise(n, std::multiplies<double>()); }},
        {"Div", divide},
        {"Mod", modulo},
        {"Min", [](const Operands& n) { return elementwise(n, [](double a, double b) { return std::min(a, b); }); }},
        {"Max", [](const Operands& n) { return elementwise(n, [](double a, double b) { return std::max(a, b); }); }},
        {"Pow", [](const Operands& n) { return elementwise(n, [](double a, double b) { return std::pow(a, b); }); }},
        {"Equal", [](const Operands& n) { return elementwise(n, std::equal_to<double>()); }},
        {"Greater", [](const Operands& n) { return elementwise(n, std::greater<double>()); }},
        {"Less", [](const Operands& n) { return elementwise(n, std::less<double>()); }},
        {"GreaterOrEqual", [](const Operands& n) { return elementwise(n, std::greater_equal<double>()); }},
        {"LessOrEqual", [](const Operands& n) { return elementwise(n, std::less_equal<double>()); }},
        {"And", [](const Operands& n) { return elementwise(n, std::logical_and<double>()); }},
        {"Or", [](const Operands& n) { return elementwise(n, std::logical_or<double>()); }},
        {"Not", [](const Operands& n) { return map(n, [](double a) { return a == 0 ? 1.0 : 0.0; }); }},
        {"Neg", [](const Operands& n) { return map(n, std::negate<double>()); }},
        {"Abs", [](const Operands& n) { return map(n, [](double a) { return std::abs(a); }); }},
        {"Floor", [](const Operands& n) { return map(n, [](double a) { return std::floor(a); }); }},
        {"Ceil", [](const Operands& n) { return map(n, [](double a) { return std::ceil(a); }); }},
        {"Sqrt", [](const Operands& n) { return map(n, [](double a) { return std::sqrt(a); }); }},
        {"Where", where},
        {"Gather", gather},
        {"Slice", slice},
        {"Concat", concat},
        {"Transpose", transpose},
        {"ConstantOfShape", constant_of_shape},
        {"Range", range},
        {"Expand", expand},
        {"Tile", tile},
        {"ScatterND", scatter_nd},
        {"ReduceProd", [](const Operands& n) { return reduce_all(n, std::multiplies<double>()); }},
        {"ReduceSum", [](const Operands& n) { return reduce_all(n, std::plus<double>()); }},
        {"ReduceMax",
         [](const Operands& n) { return reduce_all(n, [](double a, double b) { return std::max(a, b); }); }},
        {"ReduceMin",
         [](const Operands& n) { return reduce_all(n, [](double a, double b) { return std::min(a, b); }); }},
    };
    return table;
}

/// Rounded to the result's type once, at the end, as ONNX Runtime's kernels do for one operation on floats. Integers
/// beyond 2^53 are not exact in double: no size is as large.
Tensor to_tensor(const Values& values, const KnownTensor& result) {
    return Tensor::of<double>(result.shape, std::span<const double>(values)).to(result.type);
}

}  // namespace

std::optional<Tensor> evaluate_node(const Node& node, std::int64_t opset, const KnownTensors& known,
                                    const KnownTensor& result) {
    const Operands operands{node, known, result};
    Values values;
    if (const auto reader = shape_readers().find(node.op_type); reader != shape_readers().end()) {
        values = reader->second(operands);
    } else {
        const auto evaluator = evaluators().find(node.op_type);
        if (evaluator == evaluators().end() || element_count(result.shape) > largest_known_value) return std::nullopt;
        if (node.op_type == "Slice" && opset < 10) return std::nullopt;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            if (!operands.has(i)) continue;
            const Tensor* tensor = operands.tensor(i);
            if (tensor == nullptr || tensor->size() > largest_known_value) return std::nullopt;
        }
        values = evaluator->second(operands);
        if (node.op_type == "Cast" && !is_floating(result.type)) {
            for (double& value : values)
                value = result.type == DataType::boolean ? (value != 0 ? 1.0 : 0.0) : std::trunc(value);
        }
    }
    if (static_cast<std::int64_t>(values.size()) != element_count(result.shape)) return std::nullopt;
    return to_tensor(values, result);
}

}  // namespace locus::model
