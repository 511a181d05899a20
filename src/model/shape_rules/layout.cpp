// Operators that move elements without choosing among them.

#include <numeric>

#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

std::int64_t product(const Shape& shape, std::int64_t from, std::int64_t to) {
    return std::accumulate(shape.begin() + from, shape.begin() + to, std::int64_t{1}, times);
}

void flatten(Inference& n) {
    const auto axis = n.place(n.node.int_or("axis", 1), n.rank());
    n.out({product(n.shape(), 0, axis), product(n.shape(), axis, n.rank())});
}

void reshape(Inference& n) {
    Shape shape = n.has(1) ? n.ints(1) : n.node.ints_or("shape", {});
    const auto count = element_count(n.shape());
    std::int64_t rest = 1;
    auto inferred = shape.end();
    for (auto i = shape.begin(); i != shape.end(); ++i) {
        if (*i == 0 && n.node.int_or("allowzero", 0) == 0)
            *i = n.shape().at(static_cast<std::size_t>(i - shape.begin()));
        if (*i < -1) throw Unknown{};
        if (*i == -1)
            inferred = i;
        else
            rest = times(rest, *i);
    }
    if (inferred != shape.end()) *inferred = rest == 0 ? 0 : count / rest;
    if (element_count(shape) != count) throw Unknown{};
    n.out(shape);
}

void transpose(Inference& n) {
    Ints order(n.shape().size());
    std::iota(order.rbegin(), order.rend(), 0);
    order = n.node.ints_or("perm", order);
    if (order.size() != n.shape().size()) throw Unknown{};
    Shape shape;
    for (const auto axis : order) shape.push_back(n.shape().at(static_cast<std::size_t>(axis)));
    n.out(shape);
}

void squeeze(Inference& n) {
    Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    if (axes.empty()) {
        for (std::int64_t i = 0; i < n.rank(); ++i) {
            if (n.shape()[i] == 1) axes.push_back(i);
        }
        if (axes.empty()) return n.out(n.shape());
    }
    n.out(reduced(n.shape(), axes, false));
}

void unsqueeze(Inference& n) {
    const Ints axes = n.has(1) ? n.ints(1) : n.node.ints_or("axes", {});
    const auto rank = n.rank() + static_cast<std::int64_t>(axes.size());
    Shape shape(static_cast<std::size_t>(rank), -1);
    for (const auto axis : axes) shape.at(static_cast<std::size_t>(n.axis(axis, rank))) = 1;
    std::size_t from = 0;
    for (auto& dimension : shape) {
        if (dimension == -1) dimension = n.shape().at(from++);
    }
    n.out(shape);
}

void concat(Inference& n) {
    Shape shape = n.shape();
    const auto axis = n.axis(n.node.int_or("axis", 1), n.rank());
    for (std::size_t i = 1; i < n.node.inputs.size(); ++i) shape[axis] = plus(shape[axis], n.shape(i).at(axis));
    n.out(shape);
}

void split(Inference& n) {
    const auto axis = n.axis(n.node.int_or("axis", 0), n.rank());
    const auto parts = static_cast<std::int64_t>(n.node.outputs.size());
    if (parts == 0) throw Unknown{};
    const auto size = n.shape().at(axis);
    Ints sizes = n.has(1) ? n.ints(1) : n.node.ints_or("split", {});
    if (sizes.empty()) {
        const auto each = size / parts + (size % parts != 0 ? 1 : 0);
        sizes.assign(parts, each);
        sizes.back() = plus(size, -times(each, parts - 1));
    }
    for (std::size_t i = 0; i < n.node.outputs.size(); ++i) {
        Shape shape = n.shape();
        shape[axis] = sizes.at(i);
        n.out(i, n.in(0).type, shape);
    }
}

void pad(Inference& n) {
    const Ints pads = n.has(1) && n.opset >= 11 ? n.ints(1) : n.node.ints_or("pads", {});
    Ints axes(n.shape().size());
    std::iota(axes.begin(), axes.end(), 0);
    if (n.has(3)) axes = n.ints(3);
    if (pads.size() != 2 * axes.size()) throw Unknown{};
    Shape shape = n.shape();
    for (std::size_t i = 0; i < axes.size(); ++i) {
        auto& size = shape.at(n.axis(axes[i], n.rank()));
        size = plus(size, plus(pads.at(i), pads.at(axes.size() + i)));
    }
    n.out(shape);
}

void expand(Inference& n) { n.out(broadcast(n.shape(), n.ints(1))); }

void tile(Inference& n) {
    const Ints repeats = n.ints(1);
    Shape shape = n.shape();
    for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = times(shape[i], repeats.at(i));
    n.out(shape);
}

}  // namespace

const RuleTable& layout_rules() {
    static const RuleTable table{
        {"Flatten", flatten},     {"Reshape", reshape}, {"Transpose", transpose}, {"Squeeze", squeeze},
        {"Unsqueeze", unsqueeze}, {"Concat", concat},   {"Split", split},         {"Pad", pad},
        {"Expand", expand},       {"Tile", tile},
    };
    return table;
}

}  // namespace locus::model::shape_rules
