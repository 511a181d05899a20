#include "explain/inspection.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "explain/layer_layout.hpp"
#include "explain/method.hpp"
#include "explain/target_layer.hpp"
#include "explain/target_score.hpp"
#include "locus/error.hpp"
#include "model/cost.hpp"
#include "model/receptive_field.hpp"
#include "runtime/observe_shapes.hpp"

namespace locus::explain {
namespace {

/// Rows and columns of a feature map of rank 4; rows is 0 for anything else.
struct Extents {
    std::int64_t rows = 0, columns = 0;
};
Extents extents(const Shape& shape, model::FeatureLayout layout) {
    if (shape.size() != 4) return {};
    if (layout == model::FeatureLayout::channels_last) return {shape[1], shape[2]};
    return {shape[2], shape[3]};
}

LayerCandidate described(const std::string& tensor, const model::Shapes& shapes,
                         const std::unordered_map<std::string, model::ReceptiveField>& fields) {
    LayerCandidate candidate{.tensor = tensor, .shape = shapes.shape(tensor)};
    if (const auto field = fields.find(tensor); field != fields.end()) {
        candidate.receptive_field = field->second.size;
        candidate.stride = field->second.stride;
    }
    return candidate;
}

bool can_be_explained(const Network& network, const model::Shapes& shapes, const std::string& tensor) {
    try {
        find_target_layer(network, shapes, tensor);
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// The last tensor of each resolution, and the target layer: of those that all of the scores pass through, where there
/// is one, for inside a block what takes the shortcut is missing; else of those that the scores depend on.
std::vector<LayerCandidate> find_candidates(const Network& network, const model::Index& index,
                                            const model::Shapes& shapes, const std::string& target) {
    const auto fields = model::receptive_fields(network.model.graph, shapes, network.input);
    const auto before_scores = index.ancestors(network.head.logits);
    const auto passed = LayerLayouts(network, shapes).separating_tensors();
    const std::unordered_set<std::string> separates(passed.begin(), passed.end());
    std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> last;  // resolution to position in `order`
    std::vector<std::string> order;
    for (const model::Node& node : network.model.graph.nodes) {
        const std::string& tensor = node.output(0);
        if (!before_scores.contains(tensor) || !fields.contains(tensor) || !shapes.contains(tensor)) continue;
        const Extents e = extents(shapes.shape(tensor), network.head.layout);
        if (e.rows < 2 || e.columns < 2) continue;
        const auto [place, is_new] = last.try_emplace({e.rows, e.columns}, order.size());
        if (is_new) order.emplace_back();
        std::string& chosen = order[place->second];
        if (separates.contains(tensor) || !separates.contains(chosen)) chosen = tensor;
    }
    // What --layer would refuse is no candidate. Where the map lies on tokens, tensors of rank 4 inside their blocks
    // are heads and windows.
    const bool on_tokens = shapes.contains(target) && shapes.rank(target) == 3;
    std::erase_if(order, [&](const std::string& tensor) {
        return (on_tokens && !separates.contains(tensor)) || !can_be_explained(network, shapes, tensor);
    });
    for (const std::string& wanted : {network.head.target_layer, target}) {
        if (shapes.contains(wanted) && std::find(order.begin(), order.end(), wanted) == order.end() &&
            can_be_explained(network, shapes, wanted))
            order.push_back(wanted);
    }
    std::vector<LayerCandidate> candidates;
    for (const std::string& tensor : order) candidates.push_back(described(tensor, shapes, fields));
    return candidates;
}

/// The tensors between `layer`, which is left out, and `scores`, and what nodes there read that no input of the model
/// has a part in: weights that are dequantised or turned first.
std::unordered_set<std::string> computed_behind(const model::Graph& graph, const model::Index& index,
                                                const std::string& scores, const std::string& layer) {
    std::unordered_set<std::string> variable;
    for (const model::ValueInfo& input : graph.inputs) variable.merge(index.descendants(input.name));
    const auto before = index.ancestors(scores);
    std::unordered_set<std::string> behind;
    std::vector<std::string> waiting;
    for (const std::string& tensor : index.descendants(layer))
        if (tensor != layer && before.contains(tensor)) waiting.push_back(tensor);
    while (!waiting.empty()) {
        const std::string tensor = waiting.back();
        waiting.pop_back();
        const model::Node* node = index.producer(tensor);
        if (node == nullptr || !behind.insert(tensor).second) continue;
        for (const std::string& read : node->reads())
            if (!variable.contains(read)) waiting.push_back(read);
    }
    return behind;
}

/// The shapes of a pass over so many photos, in which windows cut from the photos have a number too; those of any
/// number, `general`, where it cannot be told.
model::Shapes shapes_of(const Network& network, std::int64_t items, const model::Shapes& general) {
    if (network.fixed_batch) return general;
    try {
        return runtime::known_shapes(network.model, {{network.input, input_shape(network, items)}});
    } catch (const Error&) {
        return general;
    }
}

/// Why the method does not apply; what a pass says too, where it has a say and the network can run as it is.
std::string obstacle_of(const Method& method, const Network& network) {
    std::string obstacle = method.obstacle == nullptr ? std::string() : method.obstacle(network);
    if (!method.is_verified_by_pass || !obstacle.empty() || network.model.graph.inputs.size() > 1) return obstacle;
    try {
        prepare(method, network, {});
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unsupported) return error.what();
        // What the runtime has against the model is said where it runs.
    }
    return {};
}

}  // namespace

std::vector<std::string> layer_names(const Network& network) {
    const model::Shapes shapes =
        model::infer_shapes(network.model, {{network.input, input_shape(network, network.fixed_batch.value_or(-1))}});
    const LayerLayouts layouts(network, shapes);
    std::vector<std::string> names;
    for (const model::Node& node : network.model.graph.nodes) {
        for (const std::string& tensor : node.outputs) {
            if (!tensor.empty() && layouts.on_the_way(tensor) && layouts.read(tensor)) names.push_back(tensor);
        }
    }
    return names;
}

Inspection inspect(const Network& network) {
    const model::Graph& graph = network.model.graph;
    Inspection found;
    found.warnings = network.warnings;
    found.input_shape = input_shape(network, network.fixed_batch.value_or(-1));
    const model::Shapes shapes = runtime::known_shapes(network.model, {{network.input, found.input_shape}});
    const model::Index index(graph);

    if (shapes.contains(network.head.logits))
        found.classes = std::max<std::int64_t>(score_extents(shapes.shape(network.head.logits)).classes, 0);
    std::int64_t values_of_target = 0;  // an image
    try {
        const TargetLayer target = find_target_layer(network, shapes, "");
        found.target_layer = target.tensor;
        values_of_target = target.positions() * target.channels;
        if (std::string warning = bypass_warning(network); !warning.empty())
            found.warnings.push_back(std::move(warning));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::unsupported) throw;  // no layer has positions: that is what inspect tells then
    }

    found.candidates = find_candidates(network, index, shapes, found.target_layer);

    const auto used = index.ancestors(network.head.logits);
    const std::int64_t items = network.fixed_batch.value_or(1);
    const model::Shapes counted = shapes_of(network, items, shapes);
    model::Graph stored = graph;  // what other inputs are fed is no parameter
    for (const std::string& name : network.fed) stored.initializers.erase(name);
    const model::Cost all = model::cost(stored, counted, items, &used);
    found.parameters = all.parameters;
    found.multiply_adds = all.multiply_adds;
    if (!found.target_layer.empty()) {
        const auto head = computed_behind(graph, index, network.head.logits, found.target_layer);
        found.head_parameters = model::cost(stored, counted, items, &head).parameters;
        if (network.head.kind == model::HeadKind::pool_linear)
            found.fully_connected_parameters = values_of_target * found.classes + found.classes;
    }
    for (const Method& method : methods()) found.methods.push_back({method.name, obstacle_of(method, network)});
    const auto applies = [&](const Method* method) {
        return std::ranges::find(found.methods, method->name, &MethodVerdict::method)->obstacle.empty();
    };
    found.automatic_method = (*std::ranges::find_if(automatic_order(), applies))->name;
    return found;
}

}  // namespace locus::explain
