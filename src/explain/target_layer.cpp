#include "explain/target_layer.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "explain/layer_layout.hpp"
#include "locus/error.hpp"
#include "runtime/observe_shapes.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"
#include "text/split.hpp"

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
            if (auto layer = layouts_.read(network_.head.target_layer)) return layer;
        }
        if (auto layer = before_last_attention()) return layer;
        const auto separators = layouts_.separating_tensors();
        for (auto tensor = separators.rbegin(); tensor != separators.rend(); ++tensor) {
            if (auto layer = layouts_.read(*tensor); layer && *tensor != network_.input) return layer;
        }
        // Nothing that all of the score passes through: the last map of the graph.
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
            for (const std::string& tensor : node->outputs) {
                if (!on_the_way(tensor)) continue;
                if (auto layer = layouts_.read(tensor)) return layer;
            }
        }
        return std::nullopt;
    }

private:
    bool on_the_way(const std::string& tensor) const { return layouts_.on_the_way(tensor); }

    /// For a head that picks one token: what the last attention reads.
    std::optional<TargetLayer> before_last_attention() const {
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
            if (from.size() == 3 && one_token && layouts_.read(node->input(0))) pick = &*node;
        }
        if (pick == nullptr) return std::nullopt;
        const Shape tokens = shapes_.shape(pick->input(0));
        const auto before_pick = index_.ancestors(pick->input(0));
        const Node* attention = nullptr;
        for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend() && attention == nullptr; ++node) {
            if (!node->is("Softmax") || !before_pick.contains(node->output(0)) || !shapes_.contains(node->output(0)))
                continue;
            const Shape shape = shapes_.shape(node->output(0));
            if (shape.size() >= 3 && shape.back() == tokens[1] && shape[shape.size() - 2] == tokens[1])
                attention = &*node;
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
            return layouts_.read(tensor);
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
        throw Error(
            ErrorKind::unsupported,
            fmt::format("{} has no layer with positions between its input and its scores", network.file.string()));
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

std::vector<TargetLayer> find_target_layers(const Network& network, const model::Shapes& shapes,
                                            const std::string& wanted, const GivenLayout& given) {
    if (wanted.find(',') == std::string::npos || model::Index(network.model.graph).contains(wanted)) {
        return {find_target_layer(network, shapes, wanted, given)};
    }
    std::vector<TargetLayer> layers;
    for (const std::string_view name : text::split(wanted, ',')) {
        if (name.empty())
            throw Error(ErrorKind::usage,
                        fmt::format("the list of layers {} names none between two commas", text::quote(wanted)));
        const auto is_it = [&](const TargetLayer& layer) { return layer.tensor == name; };
        if (std::any_of(layers.begin(), layers.end(), is_it)) continue;
        layers.push_back(find_target_layer(network, shapes, std::string(name), given));
    }
    return layers;
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
            if (layer.leading_tokens != 0) {
                features = model::slice(features, 1, layer.leading_tokens, layer.leading_tokens + layer.positions());
            }
            return model::transpose(features, {0, 2, 1});
    }
    return layer.flat ? features : model::reshape(features, flat);
}

}  // namespace locus::explain
