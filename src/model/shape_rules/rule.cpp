#include "model/shape_rules/rule.hpp"

#include <algorithm>

namespace locus::model::shape_rules {

const KnownTensor& Inference::in(std::size_t i) const {
    const auto found = known.find(node.input(i));
    if (!has(i) || found == known.end()) throw Unknown{};
    return found->second;
}

const Tensor& Inference::value(std::size_t i) const {
    const auto& tensor = in(i);
    if (!tensor.value) throw Unknown{};
    return *tensor.value;
}

void Inference::out(std::size_t i, DataType type, Shape shape) {
    if (node.output(i).empty()) return;
    if (shape.size() > most_dimensions) throw Unknown{};
    if (std::any_of(shape.begin(), shape.end(), [](auto n) { return n < 0; })) throw Unknown{};
    known[node.output(i)] = {type, std::move(shape), {}};
}

std::int64_t Inference::axis(std::int64_t given, std::int64_t of) {
    const auto axis = place(given, of);
    if (axis == of) throw Unknown{};
    return axis;
}

std::int64_t Inference::place(std::int64_t given, std::int64_t of) {
    const auto place = given < 0 ? given + of : given;
    if (place < 0 || place > of) throw Unknown{};
    return place;
}

std::int64_t plus(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) throw Unknown{};
    return sum;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
    std::int64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product)) throw Unknown{};
    return product;
}

Shape broadcast(const Shape& a, const Shape& b) {
    Shape shape(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const auto x = i < shape.size() - a.size() ? 1 : a[i - (shape.size() - a.size())];
        const auto y = i < shape.size() - b.size() ? 1 : b[i - (shape.size() - b.size())];
        if (x != y && x != 1 && y != 1) throw Unknown{};
        shape[i] = x == 1 ? y : x;
    }
    return shape;
}

Shape reduced(const Shape& shape, const Ints& axes, bool keep) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    std::vector<bool> gone(shape.size(), axes.empty());
    for (const auto axis : axes) gone.at(static_cast<std::size_t>(axis < 0 ? axis + rank : axis)) = true;
    Shape result;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (!gone[i])
            result.push_back(shape[i]);
        else if (keep)
            result.push_back(1);
    }
    return result;
}

}  // namespace locus::model::shape_rules
