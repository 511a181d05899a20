#include "explain/layer_layout.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

namespace locus::explain {
namespace {

using model::FeatureLayout;
using model::Node;
using Axes = std::vector<std::int64_t>;

/// Operators that leave each value at its place.
bool keeps_places(const Node& node) {
    static const std::set<std::string_view> elementwise{"Add",
                                                        "Sub",
                                                        "Mul",
                                                        "Div",
                                                        "Relu",
                                                        "LeakyRelu",
                                                        "PRelu",
                                                        "Elu",
                                                        "Selu",
                                                        "Clip",
                                                        "Sigmoid",
                                                        "HardSigmoid",
                                                        "Mish",
                                                        "HardSwish",
                                                        "Tanh",
                                                        "Softplus",
                                                        "Erf",
                                                        "Gelu",
                                                        "Pow",
                                                        "Identity",
                                                        "Cast",
                                                        "Dropout",
                                                        "Sqrt",
                                                        "QuantizeLinear",
                                                        "DequantizeLinear",
                                                        "QuickGelu",
                                                        "Neg",
                                                        "Abs",
                                                        "Exp",
                                                        "Max",
                                                        "Min",
                                                        "Where",
                                                        "Softmax"};
    return elementwise.contains(node.op_type);
}

/// Slices of one tensor laid together again: rolled, or patches merged. Says nothing of the axis they were cut along.
bool joins_slices(const Node& concat, const model::Index& index) {
    std::set<std::string> sources;
    for (const std::string& part : concat.inputs) {
        const Node* producer = index.producer(part);
        if (producer == nullptr || !producer->is("Slice")) return false;
        sources.insert(producer->input(0));
    }
    return sources.size() == 1;
}

Axes reduced_axes(const Node& node, const model::Graph& graph, std::size_t rank) {
    Axes axes = node.ints_or("axes", {});
    if (const Tensor* constant = graph.find_constant(node.input(1))) axes = constant->to_int64s();
    for (auto& axis : axes) axis = model::positive_axis(axis, rank);
    std::sort(axes.begin(), axes.end());
    return axes;
}

}  // namespace

LayerLayouts::LayerLayouts(const Network& network, const model::Shapes& shapes, const GivenLayout& given)
    : network_(network),
      graph_(network.model.graph),
      shapes_(shapes),
      given_(given),
      index_(graph_),
      positions_(graph_, network.input, image_axes(network), shapes) {
    behind_input_ = index_.descendants(network.input);
    before_logits_ = index_.ancestors(network.head.logits);
}

bool LayerLayouts::on_the_way(const std::string& tensor) const {
    return behind_input_.contains(tensor) && before_logits_.contains(tensor);
}

std::optional<TargetLayer> LayerLayouts::read(const std::string& tensor) const {
    if (!shapes_.contains(tensor) || !shapes_.is_float(tensor)) return std::nullopt;
    // Windows and heads are laid into the batch: such a tensor has more items than the input.
    if (!shapes_.shares_first(tensor, network_.input)) return std::nullopt;
    const Shape shape = shapes_.shape(tensor);
    if (shape.size() == 4) return read_map(tensor, shape);
    if (shape.size() == 3) return read_row(tensor, shape);
    return std::nullopt;
}

std::vector<std::string> LayerLayouts::separating_tensors() const {
    // In topological order, a tensor separates where, once it is made, no tensor made before it is still to be read.
    // What only the image's size goes into, as the number of class tokens, takes nothing of the score past it.
    std::unordered_set<std::string> of_values{network_.input};
    std::unordered_map<std::string, std::size_t> last_read;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        const Node& node = graph_.nodes[i];
        if (node.is("Shape") || node.is("Size")) continue;
        const auto reads = node.reads();
        if (std::none_of(reads.begin(), reads.end(),
                         [&](const auto& name) { return !name.empty() && of_values.contains(name); }))
            continue;
        of_values.insert(node.outputs.begin(), node.outputs.end());
        const bool matters =
            std::any_of(node.outputs.begin(), node.outputs.end(), [&](const auto& name) { return on_the_way(name); });
        if (!matters) continue;
        for (const std::string& name : reads) {
            if (on_the_way(name) && of_values.contains(name)) last_read[name] = i;
        }
    }
    std::vector<std::string> found;
    std::multiset<std::size_t> open;  // last reads of what has been made so far
    if (const auto read = last_read.find(network_.input); read != last_read.end()) open.insert(read->second);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
        open.erase(open.begin(), open.upper_bound(i));
        const bool alone = open.empty();
        const std::string* made = nullptr;  // the node's only output that is read
        std::size_t read_outputs = 0;
        for (const std::string& tensor : graph_.nodes[i].outputs) {
            const auto read = last_read.find(tensor);
            if (read == last_read.end()) continue;
            open.insert(read->second);
            made = &tensor;
            ++read_outputs;
        }
        if (alone && read_outputs == 1) found.push_back(*made);
    }
    return found;
}

std::string LayerLayouts::obstacle(const std::string& tensor) const {
    if (!shapes_.contains(tensor)) return "has no positions to make a map of";
    const Shape shape = shapes_.shape(tensor);
    const std::string named = fmt::format("of shape {}", to_string(shape));
    if (!shapes_.shares_first(tensor, network_.input) && shape.size() >= 3)
        return fmt::format("{} is cut into windows or heads and has no positions to make a map of", named);
    if (shape.size() == 3) {
        const bool first = channels_of(tensor) == Evidence::first;
        if (!positions_.holds(tensor, first ? 2 : 1))
            return fmt::format("{} holds no positions of the image any more to make a map of", named);
        return fmt::format("{} has {} tokens, which make no grid that the graph tells of: --grid ROWSxCOLUMNS says one",
                           named, first ? shape[2] : shape[1]);
    }
    return fmt::format("{} has no positions to make a map of", named);
}

std::optional<TargetLayer> LayerLayouts::read_map(const std::string& tensor, const Shape& shape) const {
    bool last = network_.preprocessing.layout == Layout::nhwc;
    if (given_.channels_last) {
        last = *given_.channels_last;
    } else if (const auto found = channels_of(tensor)) {
        if (*found == Evidence::neither) return std::nullopt;
        last = *found == Evidence::last;
    } else if ((shape[1] == shape[2]) != (shape[2] == shape[3])) {  // maps are square more often than not
        last = shape[1] == shape[2];
    }
    TargetLayer layer{.tensor = tensor, .layout = last ? FeatureLayout::channels_last : FeatureLayout::channels_first};
    layer.channels = last ? shape[3] : shape[1];
    layer.height = last ? shape[1] : shape[2];
    layer.width = last ? shape[2] : shape[3];
    if (layer.height < 1 || layer.width < 1 || layer.positions() <= 1 || layer.channels < 1) return std::nullopt;
    if (!holds_positions(layer)) return std::nullopt;
    return layer;
}

std::string LayerLayouts::last_integer_map() const {
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
        for (const std::string& tensor : node->outputs) {
            if (!on_the_way(tensor) || !shapes_.contains(tensor) || shapes_.is_float(tensor)) continue;
            if (shapes_.rank(tensor) == 4 && shapes_.shares_first(tensor, network_.input) &&
                read_map(tensor, shapes_.shape(tensor)))
                return tensor;
        }
    }
    return {};
}

bool LayerLayouts::holds_positions(const TargetLayer& layer) const {
    if (given_.channels_last) {  // which axes are rows and columns is the user's word: any may be
        bool any = false;
        for (std::size_t axis = 1; axis < shapes_.rank(layer.tensor); ++axis)
            any = any || positions_.holds(layer.tensor, axis);
        return any;
    }
    switch (layer.layout) {
        case FeatureLayout::tokens:
            return positions_.holds(layer.tensor, 1);
        case FeatureLayout::channels_last:
            return (layer.height == 1 || positions_.holds(layer.tensor, 1)) &&
                   (layer.width == 1 || positions_.holds(layer.tensor, 2));
        case FeatureLayout::channels_first:
            break;
    }
    if (layer.flat) return positions_.holds(layer.tensor, 2);
    return (layer.height == 1 || positions_.holds(layer.tensor, 2)) &&
           (layer.width == 1 || positions_.holds(layer.tensor, 3));
}

/// Tokens [n, positions, K], or positions in one row [n, K, positions].
std::optional<TargetLayer> LayerLayouts::read_row(const std::string& tensor, const Shape& shape) const {
    if (shape[1] < 1 || shape[2] < 1) return std::nullopt;
    const auto found = channels_of(tensor);
    if (found == Evidence::neither && !given_.channels_last) return std::nullopt;
    for (const bool tokens : {true, false}) {
        if (tokens != given_.channels_last.value_or(found ? *found == Evidence::last : tokens)) continue;
        const auto grid = grid_of(tokens ? shape[1] : shape[2]);
        if (!grid || (!tokens && grid->extra.count() != 0)) continue;
        TargetLayer layer{.tensor = tensor,
                          .layout = tokens ? FeatureLayout::tokens : FeatureLayout::channels_first,
                          .channels = tokens ? shape[2] : shape[1],
                          .height = grid->height,
                          .width = grid->width,
                          .leading_tokens = grid->extra.leading,
                          .trailing_tokens = grid->extra.trailing,
                          .flat = !tokens};
        if (given_.grid || holds_positions(layer)) return layer;
    }
    return std::nullopt;
}

/// The class, distillation and register tokens that `count` tokens may have round their positions: a Concat along the
/// tokens puts them there, or several, one after another.
std::vector<LayerLayouts::ExtraTokens> LayerLayouts::extra_tokens(std::int64_t count) const {
    std::map<std::int64_t, std::set<ExtraTokens>> extra;  // by number of tokens
    for (const Node& node : graph_.nodes) {
        if (!node.is("Concat") || !behind_input_.contains(node.output(0)) || !shapes_.contains(node.output(0)))
            continue;
        const Shape joined = shapes_.shape(node.output(0));
        if (joined.size() != 3 || model::positive_axis(node.int_or("axis", 0), 3) != 1) continue;
        ExtraTokens around;
        std::int64_t positions = 0;
        int parts = 0;  // that hold positions
        for (const std::string& part : node.inputs) {
            const std::int64_t size = shapes_.contains(part) ? shapes_.shape(part).at(1) : joined[1];
            if (positions_.holds(part, 1)) {
                positions = size;
                ++parts;
            } else {
                (parts == 0 ? around.leading : around.trailing) += size;
            }
        }
        // Of positions with tokens between them no grid is known.
        if (parts != 1 || around.count() + positions != joined[1] || around.count() == 0) continue;
        for (const ExtraTokens& inner : extra[positions])
            extra[joined[1]].insert({around.leading + inner.leading, around.trailing + inner.trailing});
        extra[joined[1]].insert(around);
    }
    const auto& found = extra[count];
    std::vector<ExtraTokens> result(found.begin(), found.end());
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.count() > b.count(); });
    result.emplace_back();
    return result;
}

/// Rows and columns of `count` tokens, and what stands round them.
std::optional<LayerLayouts::Grid> LayerLayouts::grid_of(std::int64_t count) const {
    const auto extras = extra_tokens(count);
    if (given_.grid) {
        const auto [height, width] = *given_.grid;
        const std::int64_t more = count - height * width;
        if (more < 0) return std::nullopt;
        const auto fits =
            std::find_if(extras.begin(), extras.end(), [&](const auto& extra) { return extra.count() == more; });
        return Grid{height, width, fits != extras.end() ? *fits : ExtraTokens{.leading = more}};
    }
    if (count < 2) return std::nullopt;
    for (const ExtraTokens& extra : extras) {  // by a feature map of that many positions elsewhere in the graph
        for (const Node& node : graph_.nodes) {
            const std::string& tensor = node.output(0);
            if (!node.is("Conv") || !shapes_.contains(tensor) || shapes_.rank(tensor) != 4) continue;
            const Shape map = shapes_.shape(tensor);
            if (map[2] * map[3] == count - extra.count() && map[2] > 1) return Grid{map[2], map[3], extra};
        }
    }
    for (const ExtraTokens& extra : extras) {  // merged patches: the input's aspect ratio
        const auto& p = network_.preprocessing;
        const std::int64_t positions = count - extra.count();
        const double rows = std::sqrt(static_cast<double>(positions) * p.height / p.width);
        const auto height = static_cast<std::int64_t>(std::llround(rows));
        if (height > 1 && std::abs(rows - static_cast<double>(height)) < 1e-6 && positions % height == 0)
            return Grid{height, positions / height, extra};
    }
    return std::nullopt;
}

bool LayerLayouts::is_product_of_variables(const Node& node) const {
    return (node.is("MatMul") || node.is("Einsum")) && node.inputs.size() > 1 &&
           std::all_of(node.inputs.begin(), node.inputs.end(),
                       [&](const auto& name) { return behind_input_.contains(name); });
}

/// Whether what a reduction makes of a tensor is laid over a tensor of that shape again, after arithmetic with numbers:
/// mean and variance of a normalisation, over the channels. Else it is a pool, over the positions.
bool LayerLayouts::is_statistic(const Node& reduction, const std::string& of) const {
    const Shape whole = shapes_.shape(of);
    std::vector<std::string> waiting{reduction.output(0)};
    for (std::size_t i = 0; i < waiting.size() && i < 8; ++i) {
        for (const Node* reader : index_.consumers(waiting[i])) {
            const std::string& made = reader->output(0);
            if (!keeps_places(*reader) || !shapes_.contains(made)) continue;
            if (shapes_.shape(made) == whole) return true;
            if (shapes_.shape(made) == shapes_.shape(waiting[i])) waiting.push_back(made);
        }
    }
    return false;
}

/// Whether a tensor [n, tokens, heads, features] is made for, or made of, products of attention.
bool LayerLayouts::splits_heads(const std::string& tensor) const {
    static const std::set<std::string_view> passed{"Transpose", "Mul", "Div", "Identity", "Cast"};
    constexpr int far = 3;
    const auto leads_to_product = [&](bool forward) {
        std::vector<std::string> front{tensor};
        for (int step = 0; step < far && !front.empty(); ++step) {
            std::vector<std::string> next;
            for (const std::string& at : front) {
                std::vector<const Node*> nodes;
                if (forward) {
                    nodes = index_.consumers(at);
                } else if (const Node* producer = index_.producer(at)) {
                    nodes = {producer};
                }
                for (const Node* node : nodes) {
                    if (is_product_of_variables(*node)) return true;
                    if (passed.contains(node->op_type)) next.push_back(forward ? node->output(0) : node->input(0));
                }
            }
            front = std::move(next);
        }
        return false;
    };
    return leads_to_product(true) || leads_to_product(false);
}

/// Positions of a map [n, K, h, w] or [n, h, w, K] laid in a row, or back: what their shapes say of one of the two. A
/// row of tokens whose features are split into heads, or were, looks alike.
std::optional<LayerLayouts::Evidence> LayerLayouts::reshape_evidence(const std::string& row, const std::string& map,
                                                                     bool asks_map) const {
    const Shape r = shapes_.shape(row), m = shapes_.shape(map);
    const bool first = m[1] == r[1] && m[2] * m[3] == r[2];
    const bool last = m[3] == r[2] && m[1] * m[2] == r[1];
    if (first && splits_heads(map)) return asks_map ? Evidence::neither : Evidence::last;
    if (first == last) return std::nullopt;
    return first ? Evidence::first : Evidence::last;
}

/// The tensor that a node rolls into this one, or this one into: slices laid together again, of the same shape.
std::vector<std::string> LayerLayouts::rolled(const Node& node, const std::string& tensor) const {
    const Shape shape = shapes_.shape(tensor);
    const auto is_alike = [&](const std::string& other) {
        return shapes_.contains(other) && shapes_.shape(other) == shape;
    };
    if (node.is("Concat") && node.output(0) == tensor && joins_slices(node, index_)) {
        const std::string& source = index_.producer(node.input(0))->input(0);
        if (is_alike(source)) return {source};
    }
    std::vector<std::string> found;
    if (node.is("Slice") && node.input(0) == tensor) {
        for (const Node* reader : index_.consumers(node.output(0)))
            if (reader->is("Concat") && joins_slices(*reader, index_) && is_alike(reader->output(0)))
                found.push_back(reader->output(0));
    }
    return found;
}

/// What an operator says of a tensor beside it, as producer or consumer.
std::optional<LayerLayouts::Evidence> LayerLayouts::evidence(const Node& node, const std::string& tensor,
                                                             bool is_output) const {
    static const std::set<std::string_view> on_the_second_axis{"Conv",
                                                               "ConvTranspose",
                                                               "MaxPool",
                                                               "AveragePool",
                                                               "GlobalMaxPool",
                                                               "GlobalAveragePool",
                                                               "BatchNormalization",
                                                               "InstanceNormalization",
                                                               "LRN",
                                                               "GroupNormalization",
                                                               "DepthToSpace",
                                                               "SpaceToDepth"};
    const std::size_t rank = shapes_.rank(tensor);
    if (is_product_of_variables(node)) return Evidence::neither;
    if (on_the_second_axis.contains(node.op_type))
        return is_output || node.input(0) == tensor ? std::optional(Evidence::first) : std::nullopt;
    if (node.is("LayerNormalization")) return Evidence::last;
    if (node.is("MatMul") && shapes_.contains(node.input(1)) && shapes_.rank(node.input(1)) == 2) return Evidence::last;
    if (node.is("Transpose") && rank == 4) {
        const auto order = node.ints_or("perm", {});
        if (order == Axes{0, 2, 3, 1}) return is_output ? Evidence::last : Evidence::first;
        if (order == Axes{0, 3, 1, 2}) return is_output ? Evidence::first : Evidence::last;
    }
    if (node.op_type.starts_with("Reduce") && !is_output) {
        const Axes axes = reduced_axes(node, graph_, rank);
        const bool normalises = is_statistic(node, tensor);
        if (axes == Axes{1, 2} && rank == 4) return Evidence::last;
        if (axes == Axes{2, 3} && rank == 4) return Evidence::first;
        if (axes == Axes{static_cast<std::int64_t>(rank) - 1}) return normalises ? Evidence::last : Evidence::first;
        if (axes == Axes{1}) return normalises || rank == 4 ? Evidence::first : Evidence::last;
    }
    if (node.is("Concat") && rank == 4 && !joins_slices(node, index_)) {
        const std::int64_t axis = model::positive_axis(node.int_or("axis", 0), rank);
        if (axis == 1) return Evidence::first;
        if (axis == 3) return Evidence::last;
    }
    if (node.is("Reshape") && (rank == 3 || rank == 4)) {
        const std::string& other = is_output ? node.input(0) : node.output(0);
        if (shapes_.contains(other) && shapes_.rank(other) == 7 - rank)
            return rank == 3 ? reshape_evidence(tensor, other, false) : reshape_evidence(other, tensor, true);
    }
    return std::nullopt;
}

/// Where the channels stand, by the nearest operator that tells: breadth first, through what keeps places, through
/// rolls and through transpositions of [n, tokens, K].
std::optional<LayerLayouts::Evidence> LayerLayouts::channels_of(const std::string& tensor) const {
    struct Place {
        std::string tensor;
        bool turned;  // channels and positions are the other way round than in the tensor asked for
    };
    std::vector<Place> front{{tensor, false}};
    std::unordered_set<std::string> seen{tensor};
    const auto told = [](Evidence evidence, bool turned) {
        if (!turned || evidence == Evidence::neither) return evidence;
        return evidence == Evidence::first ? Evidence::last : Evidence::first;
    };
    for (int distance = 0; distance < 12 && !front.empty(); ++distance) {
        std::vector<Place> next;
        for (const Place& at : front) {
            const Shape shape = shapes_.shape(at.tensor);
            const auto visit = [&](const Node& node) {
                for (const std::string& name : rolled(node, at.tensor))
                    if (seen.insert(name).second) next.push_back({name, at.turned});
                const bool turns = node.is("Transpose") && node.ints_or("perm", {}) == Axes{0, 2, 1};
                if (!turns && !keeps_places(node)) return;
                for (const auto* names : {&node.inputs, &node.outputs}) {
                    for (const std::string& name : *names) {
                        if (name.empty() || !shapes_.contains(name) || shapes_.rank(name) != shape.size()) continue;
                        if (!turns && shapes_.shape(name) != shape) continue;
                        if (seen.insert(name).second) next.push_back({name, at.turned != turns});
                    }
                }
            };
            if (const Node* producer = index_.producer(at.tensor)) {
                if (const auto found = evidence(*producer, at.tensor, true)) return told(*found, at.turned);
                visit(*producer);
            }
            for (const Node* consumer : index_.consumers(at.tensor)) {
                if (const auto found = evidence(*consumer, at.tensor, false)) return told(*found, at.turned);
                visit(*consumer);
            }
        }
        front = std::move(next);
    }
    return std::nullopt;
}

}  // namespace locus::explain
