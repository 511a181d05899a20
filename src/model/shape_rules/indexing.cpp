// Operators that choose elements.

#include <algorithm>
#include <numeric>

#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

void slice(Inference& n) {
    const bool attributes = n.opset < 10;
    const Ints starts = attributes ? n.node.ints_or("starts", {}) : n.ints(1);
    const Ints ends = attributes ? n.node.ints_or("ends", {}) : n.ints(2);
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    axes = attributes ? n.node.ints_or("axes", axes) : n.has(3) ? n.ints(3) : axes;
    const Ints steps = !attributes && n.has(4) ? n.ints(4) : Ints(starts.size(), 1);
    Shape shape = n.shape();
    for (std::size_t i = 0; i < starts.size(); ++i) {
        auto& size = shape.at(n.axis(axes.at(i), n.rank()));
        const auto step = steps.at(i);
        if (step == 0) throw Unknown{};
        auto start = starts[i] < 0 ? starts[i] + size : starts[i];
        auto end = ends.at(i) < 0 ? (ends[i] < -size ? -1 : ends[i] + size) : ends[i];
        if (step > 0) {
            start = std::clamp<std::int64_t>(start, 0, size);
            end = std::clamp<std::int64_t>(end, 0, size);
            size = end > start ? (end - start - 1) / step + 1 : 0;
        } else {
            start = std::clamp<std::int64_t>(start, -1, size - 1);
            end = std::clamp<std::int64_t>(end, -1, size - 1);
            size = start > end ? (start - end - 1) / -std::max(step, -size) + 1 : 0;
        }
    }
    n.out(shape);
}

void gather(Inference& n) {
    const auto axis = n.axis(n.node.int_or("axis", 0), n.rank());
    Shape shape(n.shape().begin(), n.shape().begin() + axis);
    shape.insert(shape.end(), n.shape(1).begin(), n.shape(1).end());
    shape.insert(shape.end(), n.shape().begin() + axis + 1, n.shape().end());
    n.out(shape);
}

void gather_elements(Inference& n) { n.out(n.shape(1)); }

void gather_nd(Inference& n) {
    Shape shape = n.shape(1);
    const auto batch = n.place(n.node.int_or("batch_dims", 0), n.rank());
    const auto kept = n.place(plus(batch, shape.at(shape.size() - 1)), n.rank());
    shape.pop_back();
    shape.insert(shape.end(), n.shape().begin() + kept, n.shape().end());
    n.out(shape);
}

void one_hot(Inference& n) {
    Shape shape = n.shape();
    const auto axis = n.axis(n.node.int_or("axis", -1), n.rank() + 1);
    shape.insert(shape.begin() + axis, n.ints(1).at(0));
    n.out(0, n.in(2).type, shape);
}

}  // namespace

const RuleTable& indexing_rules() {
    static const RuleTable table{
        {"Slice", slice},        {"Gather", gather},  {"GatherElements", gather_elements},
        {"GatherND", gather_nd}, {"OneHot", one_hot},
    };
    return table;
}

}  // namespace locus::model::shape_rules
