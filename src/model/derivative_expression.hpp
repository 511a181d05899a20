#pragma once

/// Formulas over a graph's tensors that write themselves into the graph as nodes: what the rules of the derivative are
/// made of.
///
///     Emitter emit(model, shapes, "gradient");
///     Value x = emit.value("features");
///     Value y = x * sigmoid(x) + 1.0;        // three nodes and a constant; y.name() is the last one's output
///
/// Nodes are written as the model's operator set has them (13 or newer), element types follow the operands, and
/// `Shapes` learns each new tensor as it is written. What changes nothing (adding 0, multiplying by 1, reshaping to the
/// same shape) writes no node.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::model {

class Emitter;
using Ints = std::vector<std::int64_t>;

/// A tensor of the graph being written to. Empty (false) where there is none. Valid as long as its Emitter.
class Value {
public:
    Value() = default;
    Value(Emitter& emitter, std::string name) : emitter_(&emitter), name_(std::move(name)) {}

    explicit operator bool() const { return !name_.empty(); }
    const std::string& name() const { return name_; }
    Emitter& emitter() const { return *emitter_; }

    DataType type() const;
    Shape shape() const;  ///< -1 where a dimension follows the batch
    std::size_t rank() const { return shape().size(); }
    const Tensor* known() const;  ///< the value where it is a constant

private:
    Emitter* emitter_ = nullptr;
    std::string name_;
};

class Emitter {
public:
    using Attributes = std::map<std::string, Attribute>;

    /// Names of new tensors begin with `prefix`/.
    Emitter(Model& model, Shapes& shapes, const std::string& prefix);

    std::int64_t opset() const { return opset_; }
    Shapes& shapes() { return *shapes_; }

    Value value(const std::string& tensor) { return {*this, tensor}; }
    Value constant(const Tensor& tensor);
    Value number(double number, DataType type);  ///< rank 0
    Value ints(const Ints& numbers);             ///< int64, rank 1

    Value node(const std::string& op_type, const std::vector<Value>& inputs, Attributes attributes = {});
    std::vector<Value> node_with_outputs(const std::string& op_type, const std::vector<Value>& inputs,
                                         std::size_t outputs, Attributes attributes = {});

private:
    void learn();

    NodeWriter writer_;
    Shapes* shapes_;
    std::int64_t opset_;
    std::map<std::pair<double, DataType>, std::string> numbers_;
    std::map<Ints, std::string> ints_;
};

// Arithmetic, with broadcasting. Numbers take the tensor's element type.
Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator/(const Value& a, const Value& b);
Value operator-(const Value& a);
Value operator+(const Value& a, double b);
Value operator-(const Value& a, double b);
Value operator*(const Value& a, double b);
Value operator/(const Value& a, double b);
Value operator+(double a, const Value& b);
Value operator-(double a, const Value& b);
Value operator*(double a, const Value& b);
Value operator/(double a, const Value& b);

/// An operator of one input and no attributes: unary("Exp", x).
Value unary(const std::string& op_type, const Value& x);
Value power(const Value& x, double exponent);

// Comparisons, as booleans; `indicator` makes them 0 and 1 of a type. `where` chooses.
Value greater(const Value& a, const Value& b);
Value greater(const Value& a, double b);
Value less(const Value& a, const Value& b);
Value less(const Value& a, double b);
Value equal(const Value& a, const Value& b);
Value indicator(const Value& condition, DataType type);

/// 1 where x > bound (above) or x < bound (below), else 0, as numbers. In float32 it is one HardSigmoid too steep for
/// anything between: six times as fast in ONNX Runtime as Greater and Cast.
Value above(const Value& x, double bound);
Value below(const Value& x, double bound);
/// 1 where `nonpositive`, which is at most 0, is 0; else 0.
Value is_zero(const Value& nonpositive);

Value where(const Value& condition, const Value& a, const Value& b);
Value cast(const Value& x, DataType type);

/// An all-zero tensor shaped and typed like another.
Value zeros_like(const Value& x);

// Sums, means and extremes over axes (negative ones count from the end), keeping them as 1 unless told not to.
Value reduce_sum(const Value& x, const Ints& axes, bool keep = true);
Value reduce_mean(const Value& x, const Ints& axes, bool keep = true);
Value reduce_max(const Value& x, const Ints& axes, bool keep = true);
Value reduce_min(const Value& x, const Ints& axes, bool keep = true);

/// `shape` may hold one -1.
Value reshape(const Value& x, const Shape& shape);
/// To the shape of another tensor, whatever follows the batch in it.
Value reshape_like(const Value& x, const Value& other);
Value transpose(const Value& x, const Ints& order);
Value unsqueeze(const Value& x, const Ints& axes);
Value squeeze(const Value& x, const Ints& axes);
/// Broadcasts `x` to the shape of `other`.
Value expand_like(const Value& x, const Value& other);
Value concat(const std::vector<Value>& parts, std::int64_t axis);
/// Elements from `start` to before `end` (as ONNX's Slice counts) of one axis.
Value slice(const Value& x, std::int64_t axis, std::int64_t start, std::int64_t end, std::int64_t step = 1);
/// Zeros before and behind every axis; negative numbers cut off.
Value pad(const Value& x, const Ints& begin, const Ints& end);
/// Zeros before and behind one axis; negative numbers cut off.
Value pad_axis(const Value& x, std::int64_t axis, std::int64_t begin, std::int64_t end);
/// `gap` zeros between the elements of an axis: size n becomes n + (n - 1) * gap.
Value dilate(const Value& x, std::int64_t axis, std::int64_t gap);
Value matmul(const Value& a, const Value& b);
/// Swaps the last two axes.
Value transposed(const Value& matrix);
/// Applies `matrix` [to, from] to an axis of size `from`.
Value linear_along_axis(const Value& x, std::int64_t axis, const Tensor& matrix);

/// True for a node that `above`, `below` or `is_zero` wrote: a step, whose derivative is 0.
bool is_step(const Node& node);

}  // namespace locus::model
