#include "explain/linear_parts.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "model/linear_layer.hpp"

namespace locus::explain {
namespace {

using model::LinearLayer;
using model::Node;
using model::Value;

/// The fully connected layers on both ends of the way from the target layer to the scores.
struct Ends {
    LinearLayer first, last;
};

/// The layer as has_linear_parts says it.
std::optional<LinearLayer> first_linear_layer(MapGraph& graph, const TargetLayer& layer, PartsOf parts) {
    static const std::set<std::string_view> value_by_value{"Identity", "Dropout",   "Flatten", "Reshape",
                                                           "Squeeze",  "Unsqueeze", "Relu",    "LeakyRelu"};
    static const std::set<std::string_view> pools{"MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool"};
    if (layer.layout != model::FeatureLayout::channels_first || layer.extra_tokens() != 0) return std::nullopt;
    const model::Graph& nodes = graph.model().graph;
    const model::Index index(nodes);
    std::string tensor = layer.tensor;
    while (true) {
        const auto& readers = index.consumers(tensor);
        if (readers.size() != 1 || nodes.find_output(tensor) != nullptr || !graph.shapes().contains(tensor))
            return std::nullopt;
        const Node& node = *readers.front();
        const Shape shape = graph.shapes().shape(tensor);
        const bool pools_channels = parts == PartsOf::channels && pools.contains(node.op_type) && shape.size() > 2 &&
                                    shape[1] == layer.channels;
        if (!node.domain.empty()) return std::nullopt;
        if (value_by_value.contains(node.op_type) || pools_channels) {
            tensor = node.output(0);
            continue;
        }
        auto linear = model::linear_layer_at(nodes, index, node);
        if (!linear || linear->input != tensor || shape.size() != 2) return std::nullopt;
        const bool whole_channels = linear->from % layer.channels == 0;
        const bool whole_positions = linear->from == layer.channels * layer.positions();
        if (parts == PartsOf::channels ? !whole_channels : !whole_positions) return std::nullopt;
        return linear;
    }
}

/// The nodes between two tensors, in order, where each of them treats the items of a batch one by one and reads nothing
/// else that varies.
std::optional<std::vector<Node>> rowwise_nodes(const model::Graph& graph, const std::string& from,
                                               const std::string& to) {
    static const std::set<std::string_view> unary{
        "Identity",    "Dropout",   "Relu", "LeakyRelu", "PRelu",    "Elu",      "Selu", "Clip", "Sigmoid",
        "HardSigmoid", "HardSwish", "Mish", "Tanh",      "Softplus", "Softsign", "Gelu", "Erf"};
    static const std::set<std::string_view> binary{"Add", "Sub", "Mul", "Div"};
    const model::Index index(graph);
    const auto behind = index.descendants(from), before = index.ancestors(to);
    std::vector<Node> result;
    for (const Node& node : graph.nodes) {
        if (!behind.contains(node.output(0)) || !before.contains(node.output(0)) || node.output(0) == from) continue;
        const auto constant_vector = [&](const std::string& name) {
            const Tensor* tensor = graph.find_constant(name);
            return tensor != nullptr && (tensor->rank() < 2 || tensor->shape().front() == 1);
        };
        const bool known_inputs = std::all_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& name) {
            return name.empty() || behind.contains(name) || constant_vector(name);
        });
        const bool row_by_row = (unary.contains(node.op_type) || binary.contains(node.op_type)) && known_inputs;
        if (!node.domain.empty() || (!row_by_row && !model::linear_layer_at(graph, index, node))) return std::nullopt;
        result.push_back(node);
    }
    return result;
}

std::optional<Ends> find_ends(MapGraph& graph, const TargetLayer& layer, PartsOf parts) {
    if (graph.options().target.kind != TargetKind::logit) return std::nullopt;
    auto first = first_linear_layer(graph, layer, parts);
    if (!first) return std::nullopt;
    const model::Graph& nodes = graph.model().graph;
    auto last = model::linear_layer_behind(nodes, model::Index(nodes), graph.network().head.logits);
    if (!last || last->output == first->output || !rowwise_nodes(nodes, first->output, last->input))
        return std::nullopt;
    return Ends{.first = std::move(*first), .last = std::move(*last)};
}

/// W [channels, positions, to] as [positions, channels, to].
Tensor by_position(const Tensor& weights) {
    const std::int64_t channels = weights.shape()[0], positions = weights.shape()[1], outputs = weights.shape()[2];
    Tensor turned(DataType::float32, {positions, channels, outputs});
    const auto source = weights.values<float>();
    auto target = turned.mutable_values<float>().begin();
    for (std::int64_t p = 0; p < positions; ++p) {
        for (std::int64_t k = 0; k < channels; ++k) {
            const auto row = source.subspan(static_cast<std::size_t>((k * positions + p) * outputs),
                                            static_cast<std::size_t>(outputs));
            target = std::copy(row.begin(), row.end(), target);
        }
    }
    return turned;
}

/// z_i of each part, [n, parts, to]: one small product for each. The layer itself becomes their sum, so that its
/// weights are read once.
Value write_parts(MapGraph& graph, const LinearLayer& linear, std::int64_t channels, PartsOf parts) {
    const std::int64_t positions = linear.from / channels;
    Value values = model::reshape(graph.emit().value(linear.input), {-1, channels, positions});
    Tensor weights = linear.weights_by_input().reshaped({channels, positions, linear.to});
    if (parts == PartsOf::positions) {
        values = model::transpose(values, {0, 2, 1});
        weights = by_position(weights);
    }
    const Value products = model::matmul(model::unsqueeze(values, {2}), graph.emit().constant(weights));
    Value each = model::reshape(products, {-1, weights.shape()[0], linear.to});
    const Value sum = model::reduce_sum(each, {1}, false) + graph.emit().constant(linear.bias);
    model::Graph& nodes = graph.model().graph;
    const auto made_by =
        std::ranges::find_if(nodes.nodes, [&](const Node& node) { return node.output(0) == linear.output; });
    *made_by = {.op_type = "Identity", .inputs = {sum.name()}, .outputs = {linear.output}, .name = made_by->name};
    model::sort_topologically(nodes);
    return each;
}

/// From so many rows on, leaving out the values that are 0 in all of them costs less than multiplying them. VGG-16's
/// second layer takes 38 ms for 512 rows, 21 with 2,304 of its 4,096 values (two cores), and 5 for 49 rows, where there
/// is little to save.
constexpr std::int64_t rows_worth_sorting_out = 256;

/// `rectified` [rows, from] through the layer, without the values that are 0 in every row: nearly half of them where
/// weights are random.
Value product_of_nonzero(MapGraph& graph, const Value& rectified, const LinearLayer& layer) {
    model::Emitter& emit = graph.emit();
    Tensor first(DataType::float32, {layer.from});
    first.mutable_values<float>()[0] = 1;  // the first value stays, so that there is always one
    const Value used = model::cast(model::reduce_sum(rectified, {0}, false) + emit.constant(first), DataType::boolean);
    // Written by hand: how many there are is known only when the graph runs, and its shape here is the most there can
    // be.
    const std::string found = fmt::format("locus/used of {}", layer.input);
    graph.model().graph.nodes.push_back(
        {.op_type = "NonZero", .inputs = {used.name()}, .outputs = {found}, .name = found});
    const model::KnownTensor most{DataType::int64, {1, layer.from}, std::nullopt};
    graph.shapes().set(found, most, most);
    const Value indices = model::squeeze(emit.value(found), {0});
    const Value values = emit.node("Gather", {rectified, indices}, {{"axis", std::int64_t{1}}});
    const Value weights = emit.node("Gather", {emit.constant(layer.weights_by_input()), indices});
    return model::matmul(values, weights) + emit.constant(layer.bias);
}

/// What the last layer takes, where the first one's outputs are `changed` [n, changes, to]: [n, changes, from].
Value write_vectors(MapGraph& graph, const Ends& ends, const Value& changed) {
    const auto between = rowwise_nodes(graph.model().graph, ends.first.output, ends.last.input).value();
    const model::Graph before = graph.model().graph;
    const model::Index index(before);
    std::map<std::string, Value> copies{{ends.first.output, model::reshape(changed, {-1, ends.first.to})}};
    std::set<std::string> rectified;
    for (const Node& node : between) {
        const std::string& output = node.output(0);
        if (copies.contains(output)) continue;
        const bool passes_on = node.is("Identity") || node.is("Dropout");
        if (node.is("Relu") || (passes_on && rectified.contains(node.input(0)))) rectified.insert(output);
        const auto layer = model::linear_layer_at(before, index, node);
        if (layer && rectified.contains(layer->input) && changed.shape()[1] >= rows_worth_sorting_out) {
            copies[layer->output] = product_of_nonzero(graph, copies.at(layer->input), *layer);
            continue;
        }
        std::vector<Value> inputs;
        for (const std::string& name : node.inputs) {
            const auto copy = copies.find(name);
            inputs.push_back(copy != copies.end() ? copy->second : Value(graph.emit(), name));
        }
        copies[output] = graph.emit().node(node.op_type, inputs, node.attributes);
    }
    return model::reshape(copies.at(ends.last.input), {-1, changed.shape()[1], ends.last.from});
}

/// y of each item's class for the vectors that the last layer takes, [n, changes]: of that layer only the class's own
/// weights are needed.
Value write_scores(MapGraph& graph, const Value& vectors, const Value& classes) {
    const model::Graph& nodes = graph.model().graph;
    const auto last = model::linear_layer_behind(nodes, model::Index(nodes), graph.network().head.logits).value();
    model::Emitter& emit = graph.emit();
    const Value all = emit.value(last.weights_name);
    const Value weights = last.rows_are_outputs
                              ? emit.node("Gather", {all, classes})
                              : model::transposed(emit.node("Gather", {all, classes}, {{"axis", std::int64_t{1}}}));
    const Value bias = model::reshape(emit.node("Gather", {emit.constant(last.bias), classes}), {-1, 1});
    return model::squeeze(model::matmul(vectors, model::unsqueeze(weights, {2})), {2}) + bias;
}

std::string kept_name(const TargetLayer& layer, PartsOf parts) {
    return fmt::format("{} of {} apart", parts == PartsOf::channels ? "channels" : "positions", layer.tensor);
}

}  // namespace

bool has_linear_parts(MapGraph& graph, const TargetLayer& layer, PartsOf parts) {
    return graph.kept().contains(kept_name(layer, parts)) || find_ends(graph, layer, parts).has_value();
}

Value scores_without_each_channel(MapGraph& graph, const TargetLayer& layer, const Value& classes) {
    Value& vectors = graph.kept()[kept_name(layer, PartsOf::channels)];
    if (!vectors) {
        const Ends ends = find_ends(graph, layer, PartsOf::channels).value();
        const Value parts = write_parts(graph, ends.first, layer.channels, PartsOf::channels);
        const Value whole = model::unsqueeze(graph.emit().value(ends.first.output), {1});
        vectors = write_vectors(graph, ends, whole - parts);
    }
    return write_scores(graph, vectors, classes);
}

Value scores_of_each_position(MapGraph& graph, const TargetLayer& layer, const Value& classes) {
    Value& vectors = graph.kept()[kept_name(layer, PartsOf::positions)];
    if (!vectors) {
        const Ends ends = find_ends(graph, layer, PartsOf::positions).value();
        const Value parts = write_parts(graph, ends.first, layer.channels, PartsOf::positions);
        vectors = write_vectors(graph, ends, parts + graph.emit().constant(ends.first.bias));
    }
    return write_scores(graph, vectors, classes);
}

}  // namespace locus::explain
