// Operators that pick elements by index, and put them in place by index.

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "model/derivative_rules/rule.hpp"

namespace locus::model {
namespace {

/// Zeros shaped like an input, of the gradient's type: that of quantized numbers is in floating point.
Value zeros_of_input(RuleContext& node, std::size_t i) {
    return cast(zeros_like(node.input(i)), node.gradient().type());
}

/// [size, picks]: 1 where pick p is element i. Picks count from the front.
Tensor picking_matrix(const Ints& picks, std::int64_t size) {
    const auto count = static_cast<std::int64_t>(picks.size());
    Tensor matrix(DataType::float32, {size, count});
    auto values = matrix.mutable_values<float>();
    for (std::int64_t p = 0; p < count; ++p) values[picks[p] * count + p] = 1;
    return matrix;
}

/// Elements picked at most once: the gradient of each is picked back, zero for those left out.
Value pick_back(const Value& g, std::int64_t axis, const Ints& picks, std::int64_t size) {
    const auto count = static_cast<std::int64_t>(picks.size());
    bool in_order = true;
    for (std::int64_t p = 1; p < count; ++p) in_order = in_order && picks[p] == picks[p - 1] + 1;
    if (in_order) return pad_axis(g, axis, picks.front(), size - picks.back() - 1);
    Ints back(static_cast<std::size_t>(size), count);
    for (std::int64_t p = 0; p < count; ++p) back[picks[p]] = p;
    const Value padded = count < size ? pad_axis(g, axis, 0, 1) : g;
    return g.emitter().node("Gather", {padded, g.emitter().ints(back)}, {{"axis", axis}});
}

void gather_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    const Value data = node.input(0), indices = node.input(1);
    const Shape shape = data.shape();
    const auto axis = positive_axis(node.node().int_or("axis", 0), shape.size());
    const auto size = shape[axis];
    if (size < 0) node.unsupported("it picks from the batch");
    auto& emit = node.emit();
    const auto picked_rank = indices.rank();
    Value g = node.gradient();
    // The axes of the indices as one, at the place of the axis picked from.
    if (picked_rank == 0) g = unsqueeze(g, {axis});
    if (picked_rank > 1) {
        Shape flat = g.shape();
        const auto first = flat.begin() + axis, last = first + static_cast<std::int64_t>(picked_rank);
        const bool fixed = std::none_of(first, last, [](auto n) { return n < 0; });
        *first = fixed ? std::accumulate(first, last, std::int64_t{1}, std::multiplies<>()) : -1;
        flat.erase(first + 1, last);
        if (std::count(flat.begin(), flat.end(), -1) > 1) node.unsupported("several dimensions follow the batch");
        g = reshape(g, flat);
    }
    if (const Tensor* known = indices.known()) {
        auto picks = known->to_int64s();
        if (picks.empty()) return node.give(0, zeros_of_input(node, 0));
        for (auto& pick : picks) {
            if (pick < -size || pick >= size) node.wrong(fmt::format("it picks element {} of {}", pick, size));
            pick = positive_axis(pick, static_cast<std::size_t>(size));
        }
        auto sorted = picks;
        std::sort(sorted.begin(), sorted.end());
        const bool once = std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
        return node.give(
            0, once ? pick_back(g, axis, picks, size) : linear_along_axis(g, axis, picking_matrix(picks, size)));
    }
    // Indices computed while the network runs: the same matrix [picks, size], by OneHot.
    const Tensor off_on = Tensor::of<float>({2}, {0.0F, 1.0F}).to(g.type());
    const Value flat_indices = reshape(indices, {-1});
    const Value matrix = emit.node("OneHot", {flat_indices, emit.ints({size}), emit.constant(off_on)});
    Ints order(g.rank());
    std::iota(order.begin(), order.end(), 0);
    std::swap(order[axis], order.back());
    node.give(0, transpose(matmul(transpose(g, order), matrix), order));
}

void gather_elements_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    if (node.emit().opset() < 16) node.unsupported("it needs opset 16");
    node.give(0, node.emit().node("ScatterElements", {zeros_of_input(node, 0), node.input(1), node.gradient()},
                                  {{"axis", node.node().int_or("axis", 0)}, {"reduction", std::string("add")}}));
}

void gather_nd_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    if (node.node().int_or("batch_dims", 0) != 0) node.unsupported("it picks within the batch");
    if (node.emit().opset() < 16) node.unsupported("it needs opset 16");
    node.give(0, node.emit().node("ScatterND", {zeros_of_input(node, 0), node.input(1), node.gradient()},
                                  {{"reduction", std::string("add")}}));
}

/// Elements put in place of others (or, with reduction "add", added to them).
void scatter(RuleContext& node, const char* gather, const char* scatter_type, const Emitter::Attributes& attributes) {
    const auto reduction = node.node().string_or("reduction", "none");
    if (reduction != "none" && reduction != "add") node.unsupported("its reduction is '" + reduction + "'");
    const Value g = node.gradient();
    auto& emit = node.emit();
    if (node.wants(0)) {
        const bool adds = reduction == "add";
        node.give(0, adds ? g : emit.node(scatter_type, {g, node.input(1), zeros_of_input(node, 2)}, attributes));
    }
    if (node.wants(2)) node.give(2, emit.node(gather, {g, node.input(1)}, attributes));
}

void scatter_nd_rule(RuleContext& node) { scatter(node, "GatherND", "ScatterND", {}); }

void scatter_elements_rule(RuleContext& node) {
    scatter(node, "GatherElements", "ScatterElements", {{"axis", node.node().int_or("axis", 0)}});
}

/// The largest values, put back where they were.
void top_k_rule(RuleContext& node) {
    if (!node.has_gradient(0)) return;
    if (node.node().output(1).empty()) node.unsupported("it does not say where the values were");
    node.give(0, node.emit().node("ScatterElements", {zeros_of_input(node, 0), node.output(1), node.gradient()},
                                  {{"axis", node.node().int_or("axis", -1)}}));
}

/// The numbers for off and on: as often as each stands there.
void one_hot_rule(RuleContext& node) {
    if (node.wants(2)) node.unsupported("its values depend on the layer asked for");
}

}  // namespace

const RuleTable& indexing_rules() {
    static const RuleTable table{
        {"Gather", gather_rule},  {"GatherElements", gather_elements_rule},   {"GatherND", gather_nd_rule},
        {"OneHot", one_hot_rule}, {"ScatterElements", scatter_elements_rule}, {"ScatterND", scatter_nd_rule},
        {"TopK", top_k_rule},
    };
    return table;
}

}  // namespace locus::model
