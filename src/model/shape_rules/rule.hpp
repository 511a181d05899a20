#pragma once

/// What a rule of shape inference sees of its node, and where it puts its result.
///
///     void transpose(Inference& n) {
///         Shape shape;
///         for (const auto axis : n.node.ints_or("perm", {})) shape.push_back(n.shape().at(axis));
///         n.out(shape);
///     }
///
/// and one line in the table at the end of the same file: {"Transpose", transpose}. Graphs come from strangers: a rule
/// throws Unknown or std::out_of_range where an attribute, an axis or an input is not what the operator needs, and
/// reads nothing unchecked.

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/shapes.hpp"

namespace locus::model::shape_rules {

using Ints = std::vector<std::int64_t>;

/// More than any network has (NumPy allows 64): a node of a few bytes must not ask for a shape of thousands.
inline constexpr std::size_t most_dimensions = 64;

/// Thrown by rules only: the node cannot be worked out.
struct Unknown {};

struct Inference {
    const Node& node;
    std::int64_t opset;
    KnownTensors& known;

    bool has(std::size_t i) const { return !node.input(i).empty(); }
    const KnownTensor& in(std::size_t i) const;
    const Shape& shape(std::size_t i = 0) const { return in(i).shape; }
    std::int64_t rank(std::size_t i = 0) const { return static_cast<std::int64_t>(shape(i).size()); }
    const Tensor& value(std::size_t i) const;
    Ints ints(std::size_t i) const { return value(i).to_int64s(); }

    /// The i-th output, where the node has one.
    void out(std::size_t i, DataType type, Shape shape);
    /// The first output, of the first input's type.
    void out(Shape shape) { out(0, in(0).type, std::move(shape)); }

    /// An axis counted from the front: 0 ... of - 1.
    static std::int64_t axis(std::int64_t given, std::int64_t of);
    /// A place between axes: 0 ... of.
    static std::int64_t place(std::int64_t given, std::int64_t of);
};

using Rule = void (*)(Inference&);
using RuleTable = std::unordered_map<std::string_view, Rule>;

// One table a family of operators, each at the end of its file.
const RuleTable& elementwise_rules();
const RuleTable& indexing_rules();
const RuleTable& layout_rules();
const RuleTable& linear_rules();
const RuleTable& reduction_rules();
const RuleTable& value_rules();
const RuleTable& window_rules();

/// Sum and product; throw Unknown where they cannot be counted.
std::int64_t plus(std::int64_t a, std::int64_t b);
std::int64_t times(std::int64_t a, std::int64_t b);

Shape broadcast(const Shape& a, const Shape& b);

/// `shape` without `axes` (all of them where none are given), or with 1 in their places.
Shape reduced(const Shape& shape, const Ints& axes, bool keep);

}  // namespace locus::model::shape_rules
