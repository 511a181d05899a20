#include "model/derivative_expression.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/first_number.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

/// True where `x` is a constant all of whose elements are `number`.
bool is_number(const Value& x, double number) {
    const Tensor* known = x.known();
    if (known == nullptr || known->size() != 1) return false;
    return first_number(*known) == number;
}

Value binary(const std::string& op_type, const Value& a, const Value& b) { return a.emitter().node(op_type, {a, b}); }

Value number_like(double number, const Value& x) { return x.emitter().number(number, x.type()); }

Ints positive_axes(Ints axes, std::size_t rank) {
    for (auto& axis : axes) axis = positive_axis(axis, rank);
    return axes;
}

std::int64_t unknown_dimensions(const Shape& shape) { return std::count(shape.begin(), shape.end(), -1); }

/// ReduceSum takes its axes as an input from opset 13 on, the others from 18.
Value reduce(const std::string& op_type, const Value& x, const Ints& given, bool keep) {
    auto axes = positive_axes(given, x.rank());
    std::sort(axes.begin(), axes.end());
    if (axes.empty()) return x;
    const auto shape = x.shape();
    if (std::all_of(axes.begin(), axes.end(), [&](auto axis) { return shape[axis] == 1; }))
        return keep ? x : squeeze(x, axes);
    auto& emit = x.emitter();
    const std::int64_t keepdims = keep ? 1 : 0;
    if (op_type == "ReduceSum" || emit.opset() >= 18)
        return emit.node(op_type, {x, emit.ints(axes)}, {{"keepdims", keepdims}});
    return emit.node(op_type, {x}, {{"axes", axes}, {"keepdims", keepdims}});
}

/// clip(slope x + offset, 0, 1)
Value steep(const Value& x, double slope, double offset) {
    return x.emitter().node("HardSigmoid", {x},
                            {{"alpha", static_cast<float>(slope)}, {"beta", static_cast<float>(offset)}});
}

/// Powers of two, so that slope times bound is exact. Around 0 the steepest there is: from the smallest normal number
/// on it gives 1.
double slope_at(double bound) { return bound == 0 ? 0x1p126 : 0x1p100; }

/// A float32 bound that slope_at does not carry out of range.
bool can_be_steep(const Value& x, double bound) {
    return x.type() == DataType::float32 && std::abs(bound) < 0x1p26 &&
           static_cast<double>(static_cast<float>(bound)) == bound;
}

}  // namespace

DataType Value::type() const { return emitter_->shapes().type(name_); }
Shape Value::shape() const { return emitter_->shapes().shape(name_); }
const Tensor* Value::known() const { return emitter_->shapes().value(name_); }

Emitter::Emitter(Model& model, Shapes& shapes, const std::string& prefix)
    : writer_(model.graph, prefix), shapes_(&shapes), opset_(model.opset()) {}

Value Emitter::constant(const Tensor& tensor) {
    auto name = writer_.constant(tensor);
    shapes_->set_constant(name, tensor);
    return value(name);
}

Value Emitter::number(double number, DataType type) {
    auto& name = numbers_[{number, type}];
    if (name.empty()) name = constant(Tensor::scalar(number).to(type)).name();
    return value(name);
}

Value Emitter::ints(const Ints& numbers) {
    auto& name = ints_[numbers];
    if (name.empty()) {
        name = constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(numbers.size())},
                                                 std::span<const std::int64_t>(numbers)))
                   .name();
    }
    return value(name);
}

Value Emitter::node(const std::string& op_type, const std::vector<Value>& inputs, Attributes attributes) {
    return node_with_outputs(op_type, inputs, 1, std::move(attributes)).front();
}

std::vector<Value> Emitter::node_with_outputs(const std::string& op_type, const std::vector<Value>& inputs,
                                              std::size_t outputs, Attributes attributes) {
    std::vector<std::string> names;
    for (const Value& input : inputs) names.push_back(input.name());
    std::vector<Value> made;
    for (auto& name : writer_.node_with_outputs(op_type, std::move(names), outputs, std::move(attributes)))
        made.push_back(value(name));
    const Node& written = writer_.graph().nodes.back();
    if (!shapes_->infer(written, opset_)) {
        std::string shapes;
        for (const Value& input : inputs) {
            shapes += input && shapes_->contains(input.name()) ? " " + to_string(input.shape()) : " []";
        }
        throw Error(ErrorKind::unsupported,
                    fmt::format("the shape of {}, a {} written for the derivative, cannot be worked out from{}",
                                text::quote(made.front().name()), op_type, shapes));
    }
    return made;
}

Value operator+(const Value& a, const Value& b) {
    if (is_number(b, 0) && b.rank() == 0) return a;
    return binary("Add", a, b);
}
Value operator-(const Value& a, const Value& b) {
    if (is_number(b, 0) && b.rank() == 0) return a;
    return binary("Sub", a, b);
}
Value operator*(const Value& a, const Value& b) {
    if (is_number(b, 1) && b.rank() == 0) return a;
    return binary("Mul", a, b);
}
Value operator/(const Value& a, const Value& b) {
    if (is_number(b, 1) && b.rank() == 0) return a;
    return binary("Div", a, b);
}
Value operator-(const Value& a) { return unary("Neg", a); }
Value operator+(const Value& a, double b) { return a + number_like(b, a); }
Value operator-(const Value& a, double b) { return a - number_like(b, a); }
Value operator*(const Value& a, double b) { return a * number_like(b, a); }
Value operator/(const Value& a, double b) { return a / number_like(b, a); }
Value operator+(double a, const Value& b) { return b + a; }
Value operator-(double a, const Value& b) { return number_like(a, b) - b; }
Value operator*(double a, const Value& b) { return b * a; }
Value operator/(double a, const Value& b) { return number_like(a, b) / b; }

Value unary(const std::string& op_type, const Value& x) { return x.emitter().node(op_type, {x}); }

Value power(const Value& x, double exponent) {
    if (exponent == 0) return zeros_like(x) + 1.0;
    if (exponent == 1) return x;
    if (exponent == 2) return x * x;
    if (exponent == -1) return unary("Reciprocal", x);
    return binary("Pow", x, number_like(exponent, x));
}

Value greater(const Value& a, const Value& b) { return binary("Greater", a, b); }
Value greater(const Value& a, double b) { return greater(a, number_like(b, a)); }
Value less(const Value& a, const Value& b) { return binary("Less", a, b); }
Value less(const Value& a, double b) { return less(a, number_like(b, a)); }
Value equal(const Value& a, const Value& b) { return binary("Equal", a, b); }
Value indicator(const Value& condition, DataType type) { return cast(condition, type); }

Value above(const Value& x, double bound) {
    if (!can_be_steep(x, bound)) return indicator(greater(x, bound), x.type());
    return steep(x, slope_at(bound), -bound * slope_at(bound));
}

Value below(const Value& x, double bound) {
    if (!can_be_steep(x, bound)) return indicator(less(x, bound), x.type());
    return steep(x, -slope_at(bound), bound * slope_at(bound));
}

Value is_zero(const Value& nonpositive) {
    if (!can_be_steep(nonpositive, 0))
        return indicator(equal(nonpositive, number_like(0, nonpositive)), nonpositive.type());
    return steep(nonpositive, 0x1p126, 1);
}

bool is_step(const Node& node) { return node.is("HardSigmoid") && std::abs(node.float_or("alpha", 0.2F)) >= 0x1p100F; }

Value where(const Value& condition, const Value& a, const Value& b) {
    return condition.emitter().node("Where", {condition, a, b});
}

Value cast(const Value& x, DataType type) {
    if (x.type() == type) return x;
    return x.emitter().node("Cast", {x}, {{"to", static_cast<std::int64_t>(type)}});
}

Value zeros_like(const Value& x) { return expand_like(x.emitter().number(0, x.type()), x); }

Value reduce_sum(const Value& x, const Ints& axes, bool keep) { return reduce("ReduceSum", x, axes, keep); }
Value reduce_mean(const Value& x, const Ints& axes, bool keep) { return reduce("ReduceMean", x, axes, keep); }
Value reduce_max(const Value& x, const Ints& axes, bool keep) { return reduce("ReduceMax", x, axes, keep); }
Value reduce_min(const Value& x, const Ints& axes, bool keep) { return reduce("ReduceMin", x, axes, keep); }

Value reshape(const Value& x, const Shape& shape) {
    if (x.shape() == shape && unknown_dimensions(shape) <= 1) return x;
    return x.emitter().node("Reshape", {x, x.emitter().ints(shape)});
}

Value reshape_like(const Value& x, const Value& other) {
    const auto shape = other.shape();
    if (unknown_dimensions(shape) <= 1 && std::find(shape.begin(), shape.end(), 0) == shape.end())
        return reshape(x, shape);
    return x.emitter().node("Reshape", {x, unary("Shape", other)});
}

Value transpose(const Value& x, const Ints& order) {
    if (std::is_sorted(order.begin(), order.end())) return x;
    return x.emitter().node("Transpose", {x}, {{"perm", order}});
}

Value unsqueeze(const Value& x, const Ints& axes) {
    if (axes.empty()) return x;
    return x.emitter().node("Unsqueeze", {x, x.emitter().ints(axes)});
}

Value squeeze(const Value& x, const Ints& axes) {
    if (axes.empty()) return x;
    return x.emitter().node("Squeeze", {x, x.emitter().ints(axes)});
}

Value expand_like(const Value& x, const Value& other) {
    const auto from = x.shape(), to = other.shape();
    if (from == to) return x;
    Shape target = to;
    const auto lead = to.size() - std::min(to.size(), from.size());
    for (std::size_t i = 0; i < from.size() && lead + i < to.size(); ++i) {
        if (from[i] == to[lead + i]) target[lead + i] = 1;  // Expand keeps it
    }
    if (unknown_dimensions(target) == 0) {
        // Times ones: five times as fast in ONNX Runtime as its Expand.
        constexpr std::int64_t most_ones = 1 << 16;
        if (x.type() == DataType::float32 && element_count(target) <= most_ones) {
            Tensor ones(DataType::float32, target);
            std::ranges::fill(ones.mutable_values<float>(), 1.0F);
            return x * x.emitter().constant(ones);
        }
        return x.emitter().node("Expand", {x, x.emitter().ints(target)});
    }
    return x.emitter().node("Expand", {x, unary("Shape", other)});
}

Value concat(const std::vector<Value>& parts, std::int64_t axis) {
    if (parts.size() == 1) return parts.front();
    return parts.front().emitter().node("Concat", parts, {{"axis", axis}});
}

Value slice(const Value& x, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step) {
    axis = positive_axis(axis, x.rank());
    if (step == 1 && start == 0 && x.shape()[axis] >= 0 && end >= x.shape()[axis]) return x;
    auto& emit = x.emitter();
    return emit.node("Slice", {x, emit.ints({start}), emit.ints({end}), emit.ints({axis}), emit.ints({step})});
}

Value pad(const Value& x, const Ints& begin, const Ints& end) {
    const auto nothing = [](std::int64_t n) { return n == 0; };
    if (std::all_of(begin.begin(), begin.end(), nothing) && std::all_of(end.begin(), end.end(), nothing)) return x;
    Ints starts, ends, axes;
    Ints pads(2 * begin.size(), 0);
    bool grows = false;
    for (std::size_t i = 0; i < begin.size(); ++i) {
        if (begin[i] < 0 || end[i] < 0) {
            axes.push_back(static_cast<std::int64_t>(i));
            starts.push_back(std::max<std::int64_t>(0, -begin[i]));
            ends.push_back(end[i] < 0 ? end[i] : std::numeric_limits<std::int64_t>::max());
        }
        pads[i] = std::max<std::int64_t>(0, begin[i]);
        pads[begin.size() + i] = std::max<std::int64_t>(0, end[i]);
        grows = grows || pads[i] > 0 || pads[begin.size() + i] > 0;
    }
    auto& emit = x.emitter();
    Value cut = axes.empty() ? x : emit.node("Slice", {x, emit.ints(starts), emit.ints(ends), emit.ints(axes)});
    return grows ? emit.node("Pad", {cut, emit.ints(pads)}) : cut;
}

Value pad_axis(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
    Ints before(x.rank(), 0), behind(x.rank(), 0);
    before[positive_axis(axis, x.rank())] = begin;
    behind[positive_axis(axis, x.rank())] = end;
    return pad(x, before, behind);
}

Value dilate(const Value& x, std::int64_t axis, std::int64_t gap) {
    if (gap == 0) return x;
    axis = positive_axis(axis, x.rank());
    const auto size = x.shape()[axis];
    // [.., n, ..] as [.., n, 1, ..], zeros behind the 1, flat again, and off with the last zeros.
    const Value apart = pad_axis(unsqueeze(x, {axis + 1}), axis + 1, 0, gap);
    Ints target(x.rank(), 0);  // 0 copies a dimension, but only one at the same place
    target[axis] = size * (gap + 1);
    for (std::size_t i = axis + 1; i < x.rank(); ++i) target[i] = x.shape()[i];
    if (std::count(target.begin() + axis, target.end(), -1) > 1) {
        throw Error(ErrorKind::unsupported, "more than one dimension that follows the batch");
    }
    return pad_axis(x.emitter().node("Reshape", {apart, x.emitter().ints(target)}), axis, 0, -gap);
}

Value matmul(const Value& a, const Value& b) { return binary("MatMul", a, b); }

Value transposed(const Value& matrix) {
    Ints order(matrix.rank());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    return transpose(matrix, order);
}

Value linear_along_axis(const Value& x, std::int64_t axis, const Tensor& matrix) {
    const auto rank = x.rank();
    axis = positive_axis(axis, rank);
    auto& emit = x.emitter();
    const Tensor typed = matrix.to(x.type());
    if (axis + 2 == static_cast<std::int64_t>(rank)) return matmul(emit.constant(typed), x);
    // As the last axis: x [.., from] times the matrix turned [from, to].
    const Value turned = transposed(emit.constant(typed));
    if (axis + 1 == static_cast<std::int64_t>(rank)) return matmul(x, turned);
    Ints order(rank);
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[axis], order.back());
    return transpose(matmul(transpose(x, order), turned), order);
}

}  // namespace locus::model
