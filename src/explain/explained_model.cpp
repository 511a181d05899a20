#include "explain/explained_model.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "explain/map_graph.hpp"
#include "locus/error.hpp"
#include "model/preprocessing_metadata.hpp"

namespace locus::explain {
namespace {

using model::Value;
using Ints = std::vector<std::int64_t>;

Value extremum(const std::string& op_type, const Value& x, const Ints& axes) {
    auto& emit = x.emitter();
    if (emit.opset() >= 18) return emit.node(op_type, {x, emit.ints(axes)}, {{"keepdims", std::int64_t{1}}});
    return emit.node(op_type, {x}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
}

/// To 0..1 over the last two axes, as pictures show maps.
Value normalised(const Value& maps, FinalMap final_map) {
    const Value shown =
        final_map == FinalMap::relu ? model::unary("Relu", maps) : maps - extremum("ReduceMin", maps, {2, 3});
    const Value greatest = extremum("ReduceMax", shown, {2, 3});
    return shown / (greatest + model::indicator(model::equal(greatest, greatest.emitter().number(0, DataType::float32)),
                                                DataType::float32));
}

/// Bilinear, edges on edges: [n, m, h, w] to another height and width.
Value resized(const Value& maps, std::int64_t height, std::int64_t width) {
    const Shape shape = maps.shape();
    if (shape[2] == height && shape[3] == width) return maps;
    auto& emit = maps.emitter();
    const Value scales =
        emit.constant(Tensor::of<float>({4}, {1.0F, 1.0F, static_cast<float>(height) / static_cast<float>(shape[2]),
                                              static_cast<float>(width) / static_cast<float>(shape[3])}));
    Value result =
        emit.node("Resize", {maps, Value(emit, ""), scales},
                  {{"mode", std::string("linear")}, {"coordinate_transformation_mode", std::string("half_pixel")}});
    return result;
}

/// One map of several layers', as `fused` makes it.
Value fused_nodes(const std::vector<Value>& maps, Fusion fusion, const Preprocessing& p) {
    if (maps.size() == 1) return maps.front();
    std::int64_t height = p.height, width = p.width;
    if (fusion != Fusion::mean) {
        height = width = 0;
        for (const Value& map : maps) {
            height = std::max(height, map.shape()[2]);
            width = std::max(width, map.shape()[3]);
        }
    }
    const FinalMap each = fusion == Fusion::mean ? FinalMap::relu : FinalMap::min_max;
    Value all;
    for (const Value& map : maps) {
        const Value large = resized(normalised(map, each), height, width);
        if (!all)
            all = large;
        else if (fusion == Fusion::mean)
            all = all + large;
        else if (fusion == Fusion::product)
            all = all * large;
        else
            all = all.emitter().node("Max", {all, large});
    }
    return normalised(all, each);
}

/// A tensor of the graph under another name, everywhere.
void rename(model::Graph& graph, const std::string& from, const std::string& to) {
    for (model::Node& node : graph.nodes) {
        std::replace(node.inputs.begin(), node.inputs.end(), from, to);
        std::replace(node.outputs.begin(), node.outputs.end(), from, to);
    }
    for (auto* infos : {&graph.inputs, &graph.outputs, &graph.value_infos}) {
        for (model::ValueInfo& info : *infos) {
            if (info.name == from) info.name = to;
        }
    }
    if (auto found = graph.initializers.extract(from)) {
        found.key() = to;
        graph.initializers.insert(std::move(found));
    }
}

/// The three output names and `class` are ours: tensors of the model that have them make way.
Network with_free_names(const Network& network) {
    Network result = network;
    model::NodeWriter names(result.model.graph, "model");
    const model::Index index(network.model.graph);
    for (const std::string name : {"logits", "classes", "maps", "class"}) {
        if (!index.contains(name)) continue;
        if (name == network.input) {
            throw Error(ErrorKind::unsupported,
                        fmt::format("the model's input is called '{}', as an output of the explained model is", name));
        }
        const std::string free = names.fresh_name(name);
        rename(result.model.graph, name, free);
        for (std::string* tensor : {&result.head.output, &result.head.logits, &result.head.target_layer,
                                    &result.head.pooled, &result.head.weight, &result.head.bias}) {
            if (*tensor == name) *tensor = free;
        }
    }
    return result;
}

void add_output(MapGraph& graph, const Value& value, const std::string& name, std::vector<model::Dimension> shape) {
    graph.model().graph.nodes.push_back(
        {.op_type = "Identity", .inputs = {value.name()}, .outputs = {name}, .name = name});
    graph.model().graph.outputs.push_back({.name = name, .type = value.type(), .shape = std::move(shape)});
}

}  // namespace

std::vector<std::string> exportable_methods() {
    std::vector<std::string> names;
    for (const Method& method : methods()) {
        if (method.nodes != nullptr) names.push_back(method.name);
    }
    return names;
}

model::Model explained_model(const Network& original, const ExplainedModelOptions& options) {
    const Method& method = options.method == "auto" ? automatic_method(original) : find_method(options.method);
    if (method.nodes == nullptr) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("{} needs more than one pass and cannot be exported; these methods can: {}",
                                method.name, fmt::join(exportable_methods(), ", ")));
    }
    if (method.obstacle != nullptr) {
        if (const std::string obstacle = method.obstacle(original); !obstacle.empty()) {
            throw Error(ErrorKind::unsupported, fmt::format("{} does not apply: {}", method.name, obstacle));
        }
    }
    const Network network = with_free_names(original);
    MethodOptions method_options = options.options;
    if (method.adjust != nullptr) method.adjust(network, method_options);
    const bool on_input = method.map_of_input;
    if (on_input && !method_options.layer.empty()) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} makes its map on the input's pixels and has no layer", method.name));
    }
    MapGraph graph(network, method_options, on_input ? MapOf::input : MapOf::layer);
    model::Emitter& emit = graph.emit();
    model::Graph& out = graph.model().graph;

    std::vector<Value> columns;  // int64 [n] each
    Value classes;
    if (options.top_k) {
        if (*options.top_k < 1 || *options.top_k > graph.classes()) {
            throw Error(ErrorKind::usage, fmt::format("top:{} asks for more classes than the {} that the model has",
                                                      *options.top_k, graph.classes()));
        }
        const Value k = emit.ints({*options.top_k});
        classes = emit.node_with_outputs("TopK", {graph.logits(), k}, 2, {{"axis", std::int64_t{1}}})[1];
        for (int i = 0; i < *options.top_k; ++i)
            columns.push_back(model::reshape(model::slice(classes, 1, i, i + 1), {-1}));
    } else {
        out.inputs.push_back(
            {.name = "class", .type = DataType::int64, .shape = std::vector<model::Dimension>{{.symbol = "n"}}});
        graph.shapes().set("class", {DataType::int64, {model::shape_batches[0]}, std::nullopt},
                           {DataType::int64, {model::shape_batches[1]}, std::nullopt});
        columns.push_back(emit.value("class"));
        classes = model::reshape(columns.front(), {-1, 1});
    }

    std::vector<Value> maps;
    for (const Value& column : columns) {
        std::vector<Value> layers;
        for (std::size_t layer = 0; layer < (on_input ? 1 : graph.layers().size()); ++layer) {
            const Value map = method.nodes(graph, layer, column);
            const Shape shape = map.shape();
            layers.push_back(model::reshape(map, {-1, 1, shape[1], shape[2]}));
        }
        maps.push_back(fused_nodes(layers, method_options.fusion, network.preprocessing));
    }
    Value all = maps.size() == 1 ? maps.front() : model::concat(maps, 1);
    if (options.map_size) all = resized(all, options.map_size->first, options.map_size->second);
    if (options.normalize) all = normalised(all, method.final_map);

    const model::Dimension n =
        network.fixed_batch ? model::Dimension{.value = network.fixed_batch} : model::Dimension{.symbol = "n"};
    const auto m = static_cast<std::int64_t>(columns.size());
    const Shape shape = all.shape();
    out.outputs.clear();
    add_output(graph, graph.logits(), "logits", {n, {.value = graph.classes()}});
    add_output(graph, classes, "classes", {n, {.value = m}});
    add_output(graph, all, "maps", {n, {.value = m}, {.value = shape[2]}, {.value = shape[3]}});
    model::remove_unused(out);
    out.value_infos.clear();

    model::Model result = std::move(graph.model());
    model::write_metadata(result, network.preprocessing, network.labels);
    result.metadata["locus.method"] = method.name;
    result.metadata["locus.layer"] = on_input ? network.input : graph.layers().front().tensor;
    return result;
}

}  // namespace locus::explain
