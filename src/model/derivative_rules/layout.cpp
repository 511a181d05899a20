// Operators that move elements about: their transposition moves them back.

#include <algorithm>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "model/derivative_rules/rule.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

/// Flatten, Reshape, Squeeze, Unsqueeze: the same elements in the same order.
void same_elements(RuleContext& node) {
    if (!node.wants(0)) return;
    // The same number along trailing axes of 1 is kept as it is: [N, C, 1, 1] from [N, C].
    node.give(0, reshape_like(node.gradient(), node.input()));
}

void transpose_rule(RuleContext& node) {
    const auto rank = node.input().rank();
    Ints order(rank), inverse(rank);
    std::iota(order.rbegin(), order.rend(), 0);
    order = node.node().ints_or("perm", order);
    for (std::size_t i = 0; i < rank; ++i) inverse[order[i]] = static_cast<std::int64_t>(i);
    node.give(0, transpose(node.compact_gradient(), inverse));
}

void concat_rule(RuleContext& node) {
    const auto axis = positive_axis(node.node().int_or("axis", 1), node.output().rank());
    Value g = node.compact_gradient();
    const bool compact = g.shape()[axis] == 1 && node.output().shape()[axis] != 1;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < node.inputs(); ++i) {
        const auto size = node.input(i).shape()[axis];
        if (size < 0) node.unsupported("it joins along the batch");
        if (node.wants(i)) node.give(i, compact ? g : slice(g, axis, start, start + size));
        start += size;
    }
}

void split_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    std::vector<Value> parts;
    for (std::size_t i = 0; i < node.node().outputs.size(); ++i) parts.push_back(node.gradient(i));
    node.give(0, concat(parts, positive_axis(node.node().int_or("axis", 0), node.input().rank())));
}

/// Elements are put back where they were taken: reversed where the step was negative, with zeros in the gaps, before
/// and behind.
void slice_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    const Shape from = node.input().shape(), to = node.output().shape();
    const Ints starts = node.constant_ints(1, "start");
    Ints axes(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (node.has_input(3)) axes = node.constant_ints(3, "axes");
    const Ints steps = node.has_input(4) ? node.constant_ints(4, "steps") : Ints(starts.size(), 1);
    Value g = node.gradient();
    Ints begin(from.size(), 0), end(from.size(), 0);
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const auto axis = positive_axis(axes[i], from.size());
        const auto size = from[axis], count = to[axis], step = steps[i];
        if (size == count && step == 1) continue;
        if (size < 0 || count < 0) node.unsupported("it slices the batch");
        auto first =
            std::clamp<std::int64_t>(starts[i] < 0 ? starts[i] + size : starts[i], 0, step > 0 ? size : size - 1);
        if (step < 0) {
            g = slice(g, axis, -1, std::numeric_limits<std::int64_t>::min(), -1);
            first += (count - 1) * step;
        }
        const auto stride = std::abs(step);
        g = dilate(g, axis, stride - 1);
        begin[axis] = first;
        end[axis] = size - first - ((count - 1) * stride + 1);
    }
    node.give(0, pad(g, begin, end));
}

/// Refuses padding that has no elements to show. Wrapping by more than the axis has, or beside a cut, ONNX Runtime
/// (1.30, tried) computes in another way than ONNX defines.
void require_elements_to_show(const RuleContext& node, std::int64_t size, std::int64_t begin, std::int64_t end,
                              const std::string& mode) {
    if (mode != "reflect" && mode != "edge" && mode != "wrap") node.unsupported("its mode is " + text::quote(mode));
    const auto left = size + std::min<std::int64_t>(0, begin) + std::min<std::int64_t>(0, end);
    const auto most = std::max(begin, end);
    if (left < 1) node.wrong(fmt::format("it pads {} elements by {} and {}: none is left to show", size, begin, end));
    if (mode == "reflect" && most >= left)
        node.wrong(fmt::format("it reflects {} elements, but {} lie beside the border", most, left - 1));
    if (mode == "wrap" && (begin < 0 || end < 0 || most > size))
        node.unsupported(fmt::format("it wraps around {} elements by {} and {}", size, begin, end));
}

/// [padded, size]: which element each padded place shows.
Tensor padding_matrix(std::int64_t size, std::int64_t begin, std::int64_t end, const std::string& mode) {
    const auto padded = size + begin + end;
    Tensor matrix(DataType::float32, {size, padded});
    auto values = matrix.mutable_values<float>();
    for (std::int64_t i = 0; i < padded; ++i) {
        auto at = i - begin;
        if (mode == "edge") at = std::clamp<std::int64_t>(at, 0, size - 1);
        if (mode == "wrap") at = (at % size + size) % size;
        if (mode == "reflect") at = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
        values[at * padded + i] = 1;
    }
    return matrix;
}

void pad_rule(RuleContext& node) {
    if (node.wants(2)) node.unsupported("the number it pads with depends on the input");
    if (!node.wants(0)) return;
    const Shape from = node.input().shape();
    const Ints pads = node.constant_ints(1, "pads");
    Ints axes(from.size());
    std::iota(axes.begin(), axes.end(), 0);
    if (node.has_input(3)) axes = node.constant_ints(3, "axes");
    const auto mode = node.node().string_or("mode", "constant");
    Value g = node.gradient();
    Ints begin(from.size(), 0), end(from.size(), 0);
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const auto axis = positive_axis(axes[i], from.size());
        const auto before = pads[i], behind = pads[axes.size() + i];
        if (mode == "constant") {
            begin[axis] = -before;
            end[axis] = -behind;
        } else if (before != 0 || behind != 0) {
            if (from[axis] < 0) node.unsupported("it pads the batch");
            require_elements_to_show(node, from[axis], before, behind, mode);
            g = linear_along_axis(g, axis, padding_matrix(from[axis], before, behind, mode));
        }
    }
    node.give(0, pad(g, begin, end));
}

void expand_rule(RuleContext& node) { node.give_broadcast(0, node.compact_gradient()); }

/// As [repeats, size, repeats, size, …]: sum over the repeats.
void tile_rule(RuleContext& node) {
    if (!node.wants(0)) return;
    const Shape shape = node.input().shape();
    const Ints repeats = node.constant_ints(1, "repeats");
    Shape split;
    Ints axes;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (repeats[i] > 1) {
            axes.push_back(static_cast<std::int64_t>(split.size()));
            split.push_back(repeats[i]);
        }
        split.push_back(shape[i]);
    }
    if (std::count(split.begin(), split.end(), -1) > 1) node.unsupported("several dimensions follow the batch");
    node.give(0, reduce_sum(reshape(node.gradient(), split), axes, false));
}

/// [N, b b C, h, w] to [N, C, b h, b w] and back; DCR orders the channels as b, b, C and CRD as C, b, b.
void depth_to_space(RuleContext& node) {
    if (!node.wants(0)) return;
    const auto b = node.node().int_or("blocksize", 1);
    if (node.node().string_or("mode", "DCR") == "DCR") {
        return node.give(0, node.emit().node("SpaceToDepth", {node.gradient()}, {{"blocksize", b}}));
    }
    const Shape out = node.output().shape();
    const Value apart = reshape(node.gradient(), {out[0], out[1], out[2] / b, b, out[3] / b, b});
    node.give(0, reshape_like(transpose(apart, {0, 1, 3, 5, 2, 4}), node.input()));
}

void space_to_depth(RuleContext& node) {
    node.give(0,
              node.emit().node("DepthToSpace", {node.gradient()}, {{"blocksize", node.node().int_or("blocksize", 1)}}));
}

/// The lower or upper triangle of matrices: what was kept.
void trilu(RuleContext& node) {
    std::vector<Value> inputs{node.gradient()};
    if (node.has_input(1)) inputs.push_back(node.input(1));
    node.give(0, node.emit().node("Trilu", inputs, {{"upper", node.node().int_or("upper", 1)}}));
}

}  // namespace

const RuleTable& layout_rules() {
    static const RuleTable table{
        {"Concat", concat_rule}, {"DepthToSpace", depth_to_space},
        {"Expand", expand_rule}, {"Flatten", same_elements},
        {"Pad", pad_rule},       {"Reshape", same_elements},
        {"Slice", slice_rule},   {"SpaceToDepth", space_to_depth},
        {"Split", split_rule},   {"Squeeze", same_elements},
        {"Tile", tile_rule},     {"Transpose", transpose_rule},
        {"Trilu", trilu},        {"Unsqueeze", same_elements},
    };
    return table;
}

}  // namespace locus::model
