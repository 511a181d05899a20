#include "explain/target_layer.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "explain/layer_layout.hpp"
#include "locus/error.hpp"
#include "runtime/observe_shapes.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {
namespace {

using model::FeatureLayout;
using model::Node;

/// Chooses the layer in front of the scores.
class LayerChoice {
public:
    LayerChoice(const Network& network, const model::Shapes& shapes, const LayerLayouts& layouts)
        : network_(network), graph_(network.model.graph), index_(layouts.index()), shapes_(shapes), layouts_(layouts) {}

    std::optional<TargetLayer> choose() const {
        if (!network_.head.target_layer.empty()) {
            if (auto layer = read(network_.head.target_layer)) return layer;
        }
        const auto separators = layouts_.separating_tensors();
        if (auto layer = before_last_attention(separators)) return layer;
        for (auto tensor = separators.rbegin(); tensor != separators.rend(); ++tensor) {
            if (auto layer = read(*tensor); layer && *tensor != network_.input) return layer;
        }
        return last_map();
    }

private:
    bool on_the_way(const std::string& tensor) const { return layouts_.on_the_way(tensor); }

    /// Whatever grid is given, a layer that nobody named holds positions.
    std::optional<TargetLayer> read(const std::string& tensor) const {
        auto layer = layouts_.read(tensor);
        if (layer && !layouts_.holds_positions(*layer)) return std::nullopt;
        return layer;
    }

    /// Where no map has all of the score pass through it, as in an ensemble: the last of the graph, if there is one
    /// then one that lies as the photo does.
    std::optional<TargetLayer> last_map() const {
        const auto mirrored = behind_reversals();
        std::optional<TargetLayer> last;
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
            for (const std::string& tensor : node->outputs) {
                if (!on_the_way(tensor) || (last && mirrored.contains(tensor))) continue;
                auto layer = read(tensor);
                if (!layer) continue;
                layer->is_bypassed = true;
                if (!mirrored.contains(tensor)) return layer;
                last = std::move(layer);
            }
        }
        return last;
    }

    /// The tensors computed from the image with its rows or columns in reverse.
    std::unordered_set<std::string> behind_reversals() const {
        std::unordered_set<std::string> found;
        for (const Node& node : graph_.nodes) {
            if (found.contains(node.output(0)) || !reverses_positions(node)) continue;
            for (const std::string& tensor : index_.descendants(node.output(0))) found.insert(tensor);
        }
        return found;
    }

    bool reverses_positions(const Node& node) const {
        if (!on_the_way(node.output(0)) || !shapes_.contains(node.input(0))) return false;
        const std::size_t rank = shapes_.rank(node.input(0));
        const auto numbers = [&](std::size_t i) {
            const Tensor* value = node.input(i).empty() ? nullptr : shapes_.value(node.input(i));
            return value != nullptr ? value->to_int64s() : std::vector<std::int64_t>{};
        };
        const auto holds = [&](std::int64_t axis) {
            return layouts_.positions().holds(node.input(0),
                                              static_cast<std::size_t>(model::positive_axis(axis, rank)));
        };
        if (node.is("Slice")) {
            const auto axes = numbers(3), steps = numbers(4);
            for (std::size_t i = 0; i < steps.size(); ++i) {
                if (steps[i] < 0 && holds(i < axes.size() ? axes[i] : static_cast<std::int64_t>(i))) return true;
            }
        }
        if (node.is("Gather") && holds(node.int_or("axis", 0))) {
            const auto indices = numbers(1);
            return indices.size() > 1 && std::is_sorted(indices.rbegin(), indices.rend()) &&
                   indices.front() != indices.back();
        }
        return false;
    }

    /// For a head that picks one token: what the last attention reads.
    std::optional<TargetLayer> before_last_attention(const std::vector<std::string>& separators) const {
        const Node* pick = nullptr;
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend() && pick == nullptr; ++node) {
            const bool picks = (node->is("Gather") && node->int_or("axis", 0) == 1) || node->is("Slice");
            if (!picks || !on_the_way(node->output(0)) || !shapes_.contains(node->input(0)) ||
                !shapes_.contains(node->output(0)))
                continue;
            const Shape from = shapes_.shape(node->input(0));
            const Shape to = shapes_.shape(node->output(0));
            const bool one_token =
                (to.size() == 2 && to[1] == from.back()) || (to.size() == 3 && to[1] == 1 && to[2] == from.back());
            if (from.size() == 3 && one_token && read(node->input(0))) pick = &*node;
        }
        if (pick == nullptr) return std::nullopt;
        const Shape tokens = shapes_.shape(pick->input(0));
        const auto before_pick = index_.ancestors(pick->input(0));
        const Node* attention = nullptr;
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend() && attention == nullptr; ++node) {
            if (!node->is("Softmax") || !before_pick.contains(node->output(0)) || !shapes_.contains(node->output(0)))
                continue;
            const Shape shape = shapes_.shape(node->output(0));
            if (shape.size() < 3 || shape.back() != tokens[1]) continue;
            // Of all tokens to all, or of the class token alone (class attention).
            const std::int64_t queries = shape[shape.size() - 2];
            if (queries == tokens[1] || queries == 1) attention = &*node;
        }
        if (attention == nullptr) return std::nullopt;
        // Query, key and value are all computed from it: the last tensor of the tokens' shape before the product with
        // the values.
        const auto& product = index_.consumers(attention->output(0));
        if (product.empty()) return std::nullopt;
        const std::string& values =
            product.front()->input(0) == attention->output(0) ? product.front()->input(1) : product.front()->input(0);
        const auto of_weights = index_.ancestors(attention->output(0));
        const auto of_values = index_.ancestors(values);
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
            const std::string& tensor = node->output(0);
            if (!of_weights.contains(tensor) || !of_values.contains(tensor) || !shapes_.contains(tensor) ||
                shapes_.shape(tensor) != tokens)
                continue;
            auto layer = read(tensor);
            // Other tokens or other branches have a say too where the score is not made of these tokens alone.
            if (layer)
                layer->is_bypassed =
                    std::find(separators.begin(), separators.end(), pick->input(0)) == separators.end();
            return layer;
        }
        return std::nullopt;
    }

    const Network& network_;
    const model::Graph& graph_;
    const model::Index& index_;
    const model::Shapes& shapes_;
    const LayerLayouts& layouts_;
};

}  // namespace

model::Shapes network_shapes(const Network& network, const model::Model& model) {
    return runtime::known_shapes(model, {{network.input, input_shape(network, network.fixed_batch.value_or(-1))}});
}

model::ValueInfo declared(const model::Shapes& shapes, const std::string& tensor) {
    std::vector<model::Dimension> dimensions;
    for (const std::int64_t size : shapes.shape(tensor)) {
        dimensions.push_back(size < 0 ? model::Dimension{.symbol = "n"} : model::Dimension{.value = size});
    }
    return {.name = tensor, .type = shapes.type(tensor), .shape = std::move(dimensions)};
}

namespace {

/// A map has the rows and columns that it has: a grid that says otherwise was meant for tokens.
const TargetLayer& agreed(const TargetLayer& layer, const GivenLayout& given) {
    const bool is_map = layer.layout != FeatureLayout::tokens && !layer.flat;
    if (!is_map || !given.grid || *given.grid == std::pair(layer.height, layer.width)) return layer;
    throw Error(
        ErrorKind::usage,
        fmt::format("the layer {} is a map of {} x {} positions, which --grid {}x{} cannot change: it is for "
                    "layers of tokens",
                    text::quote(layer.tensor), layer.height, layer.width, given.grid->first, given.grid->second));
}

}  // namespace

TargetLayer find_target_layer(const Network& network, const model::Shapes& shapes, const std::string& wanted,
                              const GivenLayout& given) {
    const LayerLayouts layouts(network, shapes, given);
    const LayerChoice choice(network, shapes, layouts);
    if (wanted.empty()) {
        if (const auto layer = choice.choose()) return agreed(*layer, given);
        const std::string integers = layouts.last_integer_map();
        throw Error(ErrorKind::unsupported,
                    fmt::format("{} has no layer with positions{} between its input and its scores{}",
                                network.file.string(), integers.empty() ? "" : " in floating-point numbers",
                                integers.empty() ? ""
                                                 : fmt::format(": {} is of {}", text::quote(integers),
                                                               name(shapes.type(integers)))));
    }
    if (!layouts.index().contains(wanted)) {
        throw Error(ErrorKind::usage,
                    fmt::format("there is no layer {}{} (`locus inspect` lists the layers)", text::quote(wanted),
                                text::did_you_mean(wanted, layouts.index().nearest_names(wanted))));
    }
    const auto chosen = choice.choose();
    if (!layouts.on_the_way(wanted)) {
        throw Error(ErrorKind::usage,
                    fmt::format("the layer {} does not lie between the input and the scores{}", text::quote(wanted),
                                chosen ? fmt::format("; {} does", text::quote(chosen->tensor)) : ""));
    }
    const auto layer = layouts.read(wanted);
    if (!layer) {
        const std::string instead =
            chosen && chosen->tensor != wanted ? fmt::format("; {} has some", text::quote(chosen->tensor)) : "";
        throw Error(ErrorKind::usage,
                    fmt::format("the layer {} {}{}", text::quote(wanted), layouts.obstacle(wanted), instead));
    }
    return agreed(*layer, given);
}

namespace {

/// The names of a list. Names may have commas of their own: each is the longest that the graph has.
std::vector<std::string> split_names(const std::string& list, const model::Index& index) {
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= list.size();) {
        std::size_t end = list.size();
        while (end > begin && !index.contains(list.substr(begin, end - begin))) {
            const std::size_t comma = list.rfind(',', end - 1);
            end = comma == std::string::npos || comma < begin ? begin : comma;
        }
        if (end == begin) end = std::min(list.find(',', begin), list.size());  // unknown: up to the next comma
        names.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return names;
}

}  // namespace

std::vector<TargetLayer> find_target_layers(const Network& network, const model::Shapes& shapes,
                                            const std::string& wanted, const GivenLayout& given) {
    if (wanted.find(',') == std::string::npos) return {find_target_layer(network, shapes, wanted, given)};
    std::vector<TargetLayer> layers;
    for (const std::string& name : split_names(wanted, model::Index(network.model.graph))) {
        if (name.empty())
            throw Error(ErrorKind::usage,
                        fmt::format("the list of layers {} names none between two commas", text::quote(wanted)));
        const auto is_it = [&](const TargetLayer& layer) { return layer.tensor == name; };
        if (std::any_of(layers.begin(), layers.end(), is_it)) continue;
        layers.push_back(find_target_layer(network, shapes, name, given));
    }
    return layers;
}

std::string bypass_warning(const Network& network, const GivenLayout& given) {
    if (!network.head.target_layer.empty()) return {};
    try {
        const TargetLayer layer = find_target_layer(network, network_shapes(network, network.model), "", given);
        if (!layer.is_bypassed) return {};
        return fmt::format(
            "only part of the score passes through the layer {}, and no layer has all of it: maps of this layer do not "
            "tell of the rest (--layer names another one)",
            text::quote(layer.tensor));
    } catch (const Error&) {
        return {};  // what is wrong is said where the layer is needed
    }
}

std::string coarse_to_fine_layers(const Network& network, const GivenLayout& given) {
    const model::Shapes shapes = network_shapes(network, network.model);
    const LayerLayouts layouts(network, shapes, given);
    const TargetLayer deep = find_target_layer(network, shapes, "", given);
    const auto before = layouts.index().ancestors(deep.tensor);
    const auto is_the_photo = [&](const std::string& tensor) {  // turned or scaled, but not looked at
        const auto made_of = layouts.index().ancestors(tensor);
        return std::ranges::none_of(network.model.graph.nodes, [&](const Node& node) {
            const bool looks =
                node.op_type.find("Conv") != std::string::npos || node.op_type.starts_with("MatMul") || node.is("Gemm");
            return looks && made_of.contains(node.output(0));
        });
    };
    const auto is_fine = [&](const std::string& tensor) {
        if (!before.contains(tensor) || !layouts.on_the_way(tensor) || is_the_photo(tensor)) return false;
        const auto layer = layouts.read(tensor);
        return layer && layer->height >= 2 * deep.height && layer->width >= 2 * deep.width;
    };
    // Inside a block, what takes the shortcut would be missing.
    const auto separators = layouts.separating_tensors();
    const auto found = std::find_if(separators.rbegin(), separators.rend(), is_fine);
    if (found != separators.rend()) return deep.tensor + "," + *found;
    const auto& nodes = network.model.graph.nodes;
    const auto inside =
        std::find_if(nodes.rbegin(), nodes.rend(), [&](const Node& node) { return is_fine(node.output(0)); });
    return inside == nodes.rend() ? deep.tensor : deep.tensor + "," + inside->output(0);
}

model::Value feature_map(const model::Value& tensor, const TargetLayer& layer) {
    model::Value features = model::cast(tensor, DataType::float32);
    const Shape flat{-1, layer.channels, layer.positions()};
    switch (layer.layout) {
        case FeatureLayout::channels_first:
            break;
        case FeatureLayout::channels_last:
            features = model::transpose(features, {0, 3, 1, 2});
            break;
        case FeatureLayout::tokens:
            if (layer.extra_tokens() != 0) {
                features = model::slice(features, 1, layer.leading_tokens, layer.leading_tokens + layer.positions());
            }
            return model::transpose(features, {0, 2, 1});
    }
    return layer.flat ? features : model::reshape(features, flat);
}

}  // namespace locus::explain
