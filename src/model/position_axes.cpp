#include "model/position_axes.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string_view>

#include "model/global_pool.hpp"

namespace locus::model {
namespace {

bool is_one_of(const Node& node, const std::set<std::string_view>& operators) {
    return operators.contains(node.op_type);
}

/// Operators that treat each axis by itself, or keep all but the channels.
bool goes_axis_by_axis(const Node& node) {
    static const std::set<std::string_view> operators{"Slice",    "Split",    "Pad",          "Resize",
                                                      "Upsample", "Tile",     "SpaceToDepth", "DepthToSpace",
                                                      "TopK",     "Compress", "CenterCropPad"};
    return is_one_of(node, operators) || node.op_type.find("Pool") != std::string::npos;
}

/// Those of a runtime's own (NhwcConv) may have their channels elsewhere.
bool convolves(const Node& node) {
    static const std::set<std::string_view> operators{"Conv",        "ConvTranspose", "ConvInteger",
                                                      "QLinearConv", "DeformConv",    "FusedConv"};
    return is_one_of(node, operators);
}

bool only_regroups(const Node& node) {
    static const std::set<std::string_view> operators{"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
    return is_one_of(node, operators);
}

/// What they make does not depend on what stands where in their input.
bool makes_no_positions(const Node& node) {
    static const std::set<std::string_view> operators{"Shape",         "Size",
                                                      "Range",         "ConstantOfShape",
                                                      "RandomUniform", "RandomNormal",
                                                      "EyeLike",       "RandomUniformLike",
                                                      "OneHot",        "RandomNormalLike"};
    return is_one_of(node, operators);
}

/// Of an axis that is none of the tensor's: its rank.
std::size_t bounded_axis(std::int64_t axis, std::size_t rank) {
    return static_cast<std::size_t>(
        std::clamp<std::int64_t>(positive_axis(axis, rank), 0, static_cast<std::int64_t>(rank)));
}

}  // namespace

std::int64_t PositionAxes::size_of(const Axis& axis) {
    std::int64_t size = 1;
    for (const Factor& factor : axis) size *= factor.size;
    return size;
}

bool PositionAxes::has_position(const Axis& axis) {
    return std::any_of(axis.begin(), axis.end(), [](const Factor& factor) { return factor.position; });
}

bool PositionAxes::has_position(const Axes& axes) {
    return std::any_of(axes.begin(), axes.end(), [](const Axis& axis) { return has_position(axis); });
}

PositionAxes::Axes PositionAxes::all(const Shape& shape, bool position) {
    Axes axes;
    for (const std::int64_t size : shape) axes.push_back(size == 1 ? Axis{} : Axis{{size, position}});
    return axes;
}

/// The axis after an operator that gave it this many entries.
PositionAxes::Axis PositionAxes::resized(const Axis& axis, std::int64_t size) {
    if (size == 1) return {};
    if (size == size_of(axis)) return axis;
    return {{size, has_position(axis)}};
}

/// Adds what another tensor says of the same axis.
void PositionAxes::merge(Axis& axis, const Axis& other) {
    const bool alike = std::equal(axis.begin(), axis.end(), other.begin(), other.end(),
                                  [](const Factor& a, const Factor& b) { return a.size == b.size; });
    if (alike) {
        for (std::size_t i = 0; i < axis.size(); ++i) axis[i].position = axis[i].position || other[i].position;
    } else if (!has_position(axis) && size_of(axis) == size_of(other)) {
        axis = other;
    }
}

/// Broadcast to a shape. What cannot be is not known, where there is any position.
PositionAxes::Axes PositionAxes::aligned(const Axes& axes, const Shape& to) {
    if (axes.size() > to.size()) return all(to, has_position(axes));
    Axes result = all(to, false);
    const std::size_t more = to.size() - axes.size();
    for (std::size_t i = 0; i < axes.size(); ++i) {
        const std::int64_t size = size_of(axes[i]);
        if (size == to[more + i]) {
            result[more + i] = axes[i];
        } else if (size != 1) {
            return all(to, has_position(axes));
        }
    }
    return result;
}

/// The same numbers in the same order, in another shape.
PositionAxes::Axes PositionAxes::regrouped(const Axes& axes, const Shape& to) {
    Axis rest;  // innermost first
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) rest.insert(rest.end(), axis->rbegin(), axis->rend());
    Axes result;
    for (const std::int64_t size : to) {
        Axis& axis = result.emplace_back();
        std::int64_t missing = size;
        while (missing != 1) {
            // Sizes that do not fit into one another: where positions end up is not known.
            if (rest.empty() || missing < 1 || rest.back().size < 1) return all(to, has_position(axes));
            Factor& next = rest.back();
            if (missing % next.size == 0) {
                axis.push_back(next);
                missing /= next.size;
                rest.pop_back();
            } else if (next.size % missing == 0) {
                axis.push_back({missing, next.position});
                next.size /= missing;
                missing = 1;
            } else {
                return all(to, has_position(axes));
            }
        }
    }
    return result;
}

PositionAxes::PositionAxes(const Graph& graph, const std::string& input, const std::vector<std::size_t>& of_input,
                           const Shapes& shapes)
    : graph_(graph), shapes_(shapes) {
    const auto behind = Index(graph).descendants(input);
    if (!shapes.contains(input)) {
        unknown_ = behind;
        return;
    }
    const Shape whole = shapes.shape_of_first_batch(input);
    Axes axes = all(whole, false);
    for (const std::size_t axis : of_input) {
        if (axis < axes.size() && !axes[axis].empty()) axes[axis].front().position = true;
    }
    axes_.emplace(input, std::move(axes));
    for (const Node& node : graph.nodes) {
        for (const std::string& made : node.outputs) {
            if (!behind.contains(made)) continue;
            const auto reads = node.reads();
            const bool is_known = shapes.contains(made) && std::none_of(reads.begin(), reads.end(), [&](const auto& t) {
                                      return unknown_.contains(t) && !makes_no_positions(node);
                                  });
            if (is_known) {
                axes_.insert_or_assign(made, made_by(node, shapes.shape_of_first_batch(made)));
            } else {
                unknown_.insert(made);
            }
        }
    }
}

bool PositionAxes::holds(const std::string& tensor, std::size_t axis) const {
    if (unknown_.contains(tensor)) return true;
    const Axes& axes = axes_of(tensor);
    return axis < axes.size() && has_position(axes[axis]);
}

/// None for what does not depend on the image.
const PositionAxes::Axes& PositionAxes::axes_of(const std::string& tensor) const {
    static const Axes none;
    const auto found = axes_.find(tensor);
    return found != axes_.end() ? found->second : none;
}

PositionAxes::Axes PositionAxes::made_by(const Node& node, const Shape& to) const {
    const auto reads = node.reads();
    const bool any = std::any_of(reads.begin(), reads.end(), [&](const auto& t) { return has_position(axes_of(t)); });
    if (!any || makes_no_positions(node)) return all(to, false);
    if (reads.size() > node.inputs.size()) return all(to, true);  // a subgraph's doings are not followed
    if (only_regroups(node)) return regrouped(axes_of(node.input(0)), to);
    if (node.is("Transpose")) return transposed(node, to);
    if (node.is("Expand")) return aligned(axes_of(node.input(0)), to);
    if (node.is("Gather")) return gathered(node, to);
    if (node.is("Concat")) return concatenated(node, to);
    if (node.is("MatMul") || node.is("Gemm") || node.is("MatMulInteger"))
        return multiplied(node, node.input(0), node.input(1), to);
    if (node.is("QLinearMatMul")) return multiplied(node, node.input(0), node.input(3), to);
    if (node.is("Einsum")) return summed_by_letters(node, to);
    if (convolves(node)) return convolved(node, to);
    if (goes_axis_by_axis(node)) return axis_by_axis(node, to);
    if (node.op_type.starts_with("Reduce") || node.is("ArgMax") || node.is("ArgMin")) return reduced(node, to);
    return merged(node, to);
}

/// Element-wise operators and those that keep their input's shape: what any input has along an axis. Also of operators
/// that are not known here.
PositionAxes::Axes PositionAxes::merged(const Node& node, const Shape& to) const {
    Axes result = all(to, false);
    for (const std::string& input : node.inputs) {
        const Axes& axes = axes_of(input);
        if (!has_position(axes)) continue;
        const Axes placed = aligned(axes, to);
        for (std::size_t i = 0; i < to.size(); ++i) merge(result[i], placed[i]);
    }
    return result;
}

PositionAxes::Axes PositionAxes::axis_by_axis(const Node& node, const Shape& to) const {
    const Axes& from = axes_of(node.input(0));
    if (from.size() != to.size()) return all(to, true);
    Axes result;
    for (std::size_t i = 0; i < to.size(); ++i) result.push_back(resized(from[i], to[i]));
    return result;
}

/// Channels are on the second axis. Where they are positions (tokens mixed by a convolution), as many stay positions.
PositionAxes::Axes PositionAxes::convolved(const Node& node, const Shape& to) const {
    if (node.int_or("channels_last", 0) != 0) return axis_by_axis(node, to);
    Axes result = axis_by_axis(node, to);
    const Axes& from = axes_of(node.input(0));
    if (from.size() == to.size() && to.size() > 1 && size_of(from[1]) != to[1]) result[1] = all({to[1]}, false)[0];
    return result;
}

PositionAxes::Axes PositionAxes::reduced(const Node& node, const Shape& to) const {
    const Axes& from = axes_of(node.input(0));
    if (from.size() == to.size()) return axis_by_axis(node, to);
    const bool picks = node.is("ArgMax") || node.is("ArgMin");
    const std::vector<std::int64_t> over =
        picks ? std::vector{node.int_or("axis", 0)} : reduced_axes(graph_, node).value_or(std::vector<std::int64_t>{});
    std::set<std::size_t> gone;
    for (const std::int64_t axis : over) gone.insert(bounded_axis(axis, from.size()));
    if (from.size() - gone.size() != to.size()) return all(to, true);
    Axes result;
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (!gone.contains(i)) result.push_back(from[i]);
    }
    return result.size() == to.size() ? result : all(to, true);
}

PositionAxes::Axes PositionAxes::transposed(const Node& node, const Shape& to) const {
    const Axes& from = axes_of(node.input(0));
    std::vector<std::int64_t> order = node.ints_or("perm", {});
    if (order.empty()) {
        order.resize(from.size());
        std::iota(order.rbegin(), order.rend(), 0);
    }
    if (order.size() != from.size() || from.size() != to.size()) return all(to, true);
    Axes result;
    for (const std::int64_t axis : order) {
        if (axis < 0 || axis >= static_cast<std::int64_t>(from.size())) return all(to, true);
        result.push_back(from[static_cast<std::size_t>(axis)]);
    }
    return result;
}

PositionAxes::Axes PositionAxes::gathered(const Node& node, const Shape& to) const {
    const Axes& from = axes_of(node.input(0));
    const std::size_t axis = bounded_axis(node.int_or("axis", 0), from.size());
    if (axis >= from.size() || to.size() + 1 < from.size()) return all(to, true);
    const std::size_t indices = to.size() + 1 - from.size();
    const bool position = has_position(from[axis]) || has_position(axes_of(node.input(1)));
    Axes result;
    for (std::size_t i = 0; i < to.size(); ++i) {
        if (i >= axis && i < axis + indices) {
            result.push_back(all({to[i]}, position)[0]);
        } else {
            result.push_back(from[i < axis ? i : i + 1 - indices]);
        }
    }
    return result;
}

PositionAxes::Axes PositionAxes::concatenated(const Node& node, const Shape& to) const {
    const std::size_t axis = bounded_axis(node.int_or("axis", 0), to.size());
    Axes result = all(to, false);
    for (const std::string& input : node.inputs) {
        const Axes& from = axes_of(input);
        if (!has_position(from)) continue;
        if (from.size() != to.size()) return all(to, true);
        for (std::size_t i = 0; i < to.size(); ++i) merge(result[i], i == axis ? resized(from[i], to[i]) : from[i]);
    }
    return result;
}

/// Whether a product with these weights, that sums over positions, leaves something of each near its place: those that
/// mix tokens are square, and what resizes has weights on few neighbours only.
bool PositionAxes::keeps_places(const std::string& weights, bool sums_rows) const {
    if (axes_.contains(weights) || unknown_.contains(weights) || !shapes_.contains(weights)) return false;
    const Shape shape = shapes_.shape_of_first_batch(weights);
    if (shape.size() < 2) return false;
    const std::int64_t rows = shape[shape.size() - 2], columns = shape.back();
    if (rows == columns) return true;
    const Tensor* constant = graph_.find_constant(weights);
    if (constant == nullptr || shape.size() != 2 || constant->type() != DataType::float32) return false;
    const std::int64_t summed = sums_rows ? rows : columns, kept = sums_rows ? columns : rows;
    if (kept < 2) return false;
    const auto values = constant->values<float>();
    for (std::int64_t i = 0; i < kept; ++i) {
        std::int64_t used = 0;
        for (std::int64_t j = 0; j < summed; ++j)
            used += values[static_cast<std::size_t>(sums_rows ? j * columns + i : i * columns + j)] != 0 ? 1 : 0;
        if (used * 2 > summed) return false;
    }
    return true;
}

PositionAxes::Axes PositionAxes::multiplied(const Node& node, const std::string& left, const std::string& right,
                                            const Shape& to) const {
    const auto operand = [&](const std::string& name) -> Axes {
        if (const auto found = axes_.find(name); found != axes_.end()) return found->second;
        return shapes_.contains(name) ? all(shapes_.shape_of_first_batch(name), false) : Axes{};
    };
    Axes a = operand(left), b = operand(right);
    if (a.size() < 2 || b.size() < 2 || to.size() < 2) return all(to, true);
    if (node.int_or("transA", 0) != 0) std::swap(a[a.size() - 1], a[a.size() - 2]);
    if (node.int_or("transB", 0) != 0) std::swap(b[b.size() - 1], b[b.size() - 2]);
    Axes result = all(to, false);
    const std::size_t outer = to.size() - 2;
    for (const Axes* axes : {&a, &b}) {
        for (std::size_t i = 0; i + 2 < axes->size(); ++i) {
            const std::size_t at = outer + 2 + i - axes->size();
            if (at < outer && size_of((*axes)[i]) == to[at]) merge(result[at], (*axes)[i]);
        }
    }
    const Axis &summed_left = a[a.size() - 1], &summed_right = b[b.size() - 2];
    result[outer] = a[a.size() - 2];
    result[outer + 1] = b[b.size() - 1];
    // Of a vector laid out of a whole map, a square layer leaves no positions.
    if (to.size() > 2 && has_position(summed_right) && keeps_places(left, false))
        result[outer] = resized(summed_right, to[outer]);
    if (to.size() > 2 && has_position(summed_left) && keeps_places(right, true))
        result[outer + 1] = resized(summed_left, to[outer + 1]);
    return result;
}

/// Each letter of the result stands for what any operand has along it.
PositionAxes::Axes PositionAxes::summed_by_letters(const Node& node, const Shape& to) const {
    std::string equation = node.string_or("equation", "");
    std::erase(equation, ' ');
    const std::size_t arrow = equation.find("->");
    if (arrow == std::string::npos || equation.find('.') != std::string::npos) return all(to, true);
    const std::string made = equation.substr(arrow + 2);
    if (made.size() != to.size()) return all(to, true);
    std::map<char, Axis> letters;
    std::size_t operand = 0, place = 0;
    for (std::size_t i = 0; i < arrow; ++i) {
        if (equation[i] == ',') {
            ++operand;
            place = 0;
            continue;
        }
        const Axes& axes = axes_of(node.input(operand));
        if (place < axes.size()) {
            const auto [at, is_new] = letters.try_emplace(equation[i], axes[place]);
            if (!is_new) merge(at->second, axes[place]);
        }
        ++place;
    }
    // Learnt weights that sum over positions and have as many of them again mix tokens.
    Axes result;
    for (std::size_t i = 0; i < to.size(); ++i) {
        Axis axis = letters[made[i]];
        if (axis.empty()) axis = all({to[i]}, false)[0];
        const bool is_learnt = !axes_.contains(node.input(0)) || !axes_.contains(node.input(1));
        if (!has_position(axis) && is_learnt && node.inputs.size() == 2 && to.size() > 2) {
            for (const auto& [letter, summed] : letters) {
                if (made.find(letter) == std::string::npos && has_position(summed) && size_of(summed) == to[i]) {
                    axis = summed;
                    break;
                }
            }
        }
        result.push_back(resized(axis, to[i]));
    }
    return result;
}

}  // namespace locus::model
