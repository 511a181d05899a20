#include "explain/explained_model.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "explain/map_graph.hpp"
#include "explain/method_choice.hpp"
#include "explain/node_method.hpp"
#include "explain/settings.hpp"
#include "locus/error.hpp"
#include "model/metadata/preprocessing_metadata.hpp"

namespace locus::explain {
namespace {

using model::Value;

/// To 0..1 over the last two axes, as pictures show maps.
Value normalised(const Value& maps, FinalMap final_map) {
    const Value shown =
        final_map == FinalMap::relu ? model::unary("Relu", maps) : maps - model::reduce_min(maps, {2, 3});
    const Value greatest = model::reduce_max(shown, {2, 3});
    return shown / (greatest + model::indicator(model::equal(greatest, greatest.emitter().number(0, DataType::float32)),
                                                DataType::float32));
}

/// Bilinear with half-pixel centres, as `upsample`: [n, m, h, w] to another height and width. Asked for by size: a
/// scale may miss it by a pixel, for 100 / 7 times 7 is less than 100 in float32.
Value resized(const Value& maps, std::int64_t height, std::int64_t width) {
    const Shape shape = maps.shape();
    if (shape[2] == height && shape[3] == width) return maps;
    auto& emit = maps.emitter();
    const Value outer = model::slice(model::unary("Shape", maps), 0, 0, 2);
    const Value nothing(emit, "");
    Value result =
        emit.node("Resize", {maps, nothing, nothing, model::concat({outer, emit.ints({height, width})}, 0)},
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

void rename(std::vector<model::Node>& nodes, const std::string& from, const std::string& to) {
    for (model::Node& node : nodes) {
        std::replace(node.inputs.begin(), node.inputs.end(), from, to);
        std::replace(node.outputs.begin(), node.outputs.end(), from, to);
    }
}

/// A tensor of the graph under another name, everywhere.
void rename(model::Graph& graph, const std::string& from, const std::string& to) {
    rename(graph.nodes, from, to);
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

void rename(model::ClassifierHead& head, const std::string& from, const std::string& to) {
    for (std::string* tensor :
         {&head.output, &head.logits, &head.target_layer, &head.pooled, &head.weight, &head.bias}) {
        if (*tensor == from) *tensor = to;
    }
    if (!head.chain) return;
    rename(head.chain->nodes, from, to);
    if (head.chain->from == from) head.chain->from = to;
}

bool is_read_by_subgraph(const model::Graph& graph, const std::string& tensor) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const model::Node& node) {
        return std::any_of(node.attributes.begin(), node.attributes.end(), [&](const auto& attribute) {
            const auto* subgraph = std::get_if<model::Opaque>(&attribute.second);
            return subgraph != nullptr &&
                   std::find(subgraph->reads.begin(), subgraph->reads.end(), tensor) != subgraph->reads.end();
        });
    });
}

/// The three output names, and `class` where it is an input, are ours: tensors of the model that have them make way.
Network with_free_names(const Network& network, bool class_is_input) {
    Network result = network;
    model::NodeWriter names(result.model.graph, "model");
    const model::Index index(network.model.graph);
    std::vector<std::string> ours{"logits", "classes", "maps"};
    if (class_is_input) ours.emplace_back("class");
    for (const std::string& name : ours) {
        if (!index.contains(name)) continue;
        if (name == network.input) {
            throw Error(ErrorKind::unsupported,
                        fmt::format("the model's input is called '{}', a name that the explained model needs for a "
                                    "tensor of its own; rename the input",
                                    name));
        }
        if (is_read_by_subgraph(network.model.graph, name)) {
            throw Error(ErrorKind::unsupported,
                        fmt::format("a subgraph (If, Loop) of the model reads its tensor '{}', a name that the "
                                    "explained model needs for an output; rename the tensor",
                                    name));
        }
        const std::string free = names.fresh_name(name);
        rename(result.model.graph, name, free);
        rename(result.head, name, free);
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

std::int64_t class_count(const Network& network) { return MapGraph(network, {}, MapOf::input).classes(); }

void give_labels(Network& network, std::vector<std::string> labels) {
    if (labels.empty()) return;
    require_one_a_class(labels, class_count(network));
    network.labels = std::move(labels);
}

namespace {

/// Throws where a graph of one pass cannot hold the method, or where it is not defined for the network.
void require_exportable(const Method& method, const Network& network, const ExplainedModelOptions& options) {
    if (method.nodes == nullptr) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format(
                "{} is not written as nodes of a model's one pass and cannot be exported; these methods can: {}",
                method.name, fmt::join(exportable_methods(), ", ")));
    }
    if (options.options.augment || options.options.eigen_smooth) {
        throw Error(ErrorKind::unsupported,
                    "smoothing takes passes and decompositions that the explained model does not hold: leave it out");
    }
    require_effect({&method}, options.options);
    if (method.obstacle != nullptr) {
        if (const std::string obstacle = method.obstacle(network); !obstacle.empty()) {
            throw Error(ErrorKind::unsupported, fmt::format("{} does not apply: {}", method.name, obstacle));
        }
    }
    if (method.is_verified_by_pass) prepare(method, network, options.options);
}

}  // namespace

const Method& exportable_method(Network& network, const ExplainedModelOptions& options) {
    const auto require = [&](const Method& method) { require_exportable(method, network, options); };
    if (options.method == "auto") return choose_automatic_method(network, options.options, require);
    const Method& method = find_method(options.method);
    require(method);
    warn_of_missing_relu({&method}, network);
    return method;
}

namespace {

/// The declared image input, with the height and width that the nodes of the maps are written for.
void fix_size(model::ValueInfo& input, const Preprocessing& p) {
    const bool last = p.layout == Layout::nhwc;
    auto& shape = *input.shape;
    shape[last ? 1 : 2] = {.value = p.height};
    shape[last ? 2 : 3] = {.value = p.width};
}

/// What a reader of the file cannot tell from its tensors.
void describe(model::Model& model, const Method& method, const std::string& layers,
              const ExplainedModelOptions& options, const Network& network) {
    model::write_metadata(model, network.preprocessing, network.labels);
    model.metadata["locus.method"] = method.name;
    model.metadata["locus.layer"] = layers;
    model.metadata["locus.classes"] = options.top_k ? fmt::format("top:{}", *options.top_k) : "input";
    model.metadata["locus.maps"] = options.normalize                    ? "normalized"
                                   : method.final_map == FinalMap::relu ? "relu"
                                                                        : "min-max";
    model.metadata["locus.activation"] = name(network.head.activation);
}

/// The classes that are explained.
struct ExplainedClasses {
    Value all;                   ///< int64 [n, K]
    std::vector<Value> columns;  ///< int64 [n] each
};

/// The K best.
ExplainedClasses best_classes_of(MapGraph& graph, int k) {
    if (k < 1 || k > graph.classes()) {
        throw Error(ErrorKind::usage,
                    fmt::format("top:{} asks for more classes than the {} that the model has", k, graph.classes()));
    }
    ExplainedClasses classes;
    const Value count = graph.emit().ints({k});
    classes.all = graph.emit().node_with_outputs("TopK", {graph.logits(), count}, 2, {{"axis", std::int64_t{1}}})[1];
    for (int i = 0; i < k; ++i) classes.columns.push_back(model::reshape(model::slice(classes.all, 1, i, i + 1), {-1}));
    return classes;
}

/// The one that a second input of the graph names.
ExplainedClasses class_of_input(MapGraph& graph, const model::Dimension& n) {
    graph.model().graph.inputs.push_back(
        {.name = "class", .type = DataType::int64, .shape = std::vector<model::Dimension>{n}});
    const Value given = graph.integers("class");
    return {.all = model::reshape(given, {-1, 1}), .columns = {given}};
}

/// float32 [n, 1, h, w], the layers fused.
Value map_of_class(MapGraph& graph, const Method& method, const Value& column, bool normalize) {
    std::vector<Value> layers;
    for (std::size_t layer = 0; layer < (method.map_of_input ? 1 : graph.layers().size()); ++layer) {
        const Value map = method.nodes(graph, layer, column);
        const Shape shape = map.shape();
        layers.push_back(model::reshape(map, {-1, 1, shape[1], shape[2]}));
    }
    Value fused = fused_nodes(layers, graph.options().fusion, graph.network().preprocessing);
    // It divides by the score: where that is negative, what is shown is the map turned back (Attribution::signs).
    if (!normalize || !method.divides_by_score) return fused;
    return fused * model::reshape(model::unary("Sign", graph.score(column)), {-1, 1, 1, 1});
}

/// The graph's outputs, and nothing that they do not need.
void finish_graph(MapGraph& graph, const ExplainedClasses& classes, const Value& maps, const model::Dimension& n) {
    const Shape shape = maps.shape();
    const model::Dimension m{.value = static_cast<std::int64_t>(classes.columns.size())};
    model::Graph& out = graph.model().graph;
    out.outputs.clear();
    add_output(graph, graph.logits(), "logits", {n, {.value = graph.classes()}});
    add_output(graph, classes.all, "classes", {n, m});
    add_output(graph, maps, "maps", {n, m, {.value = shape[2]}, {.value = shape[3]}});
    model::remove_unused(out);
    out.value_infos.clear();
    for (model::ValueInfo& input : out.inputs) {
        if (input.name == graph.network().input) fix_size(input, graph.network().preprocessing);
    }
}

}  // namespace

model::Model explained_model(const Network& original, const ExplainedModelOptions& options) {
    Network network = with_free_names(original, !options.top_k);
    const Method& method = exportable_method(network, options);
    MethodOptions method_options = options.options;
    if (method.adjust != nullptr) method.adjust(network, method_options);
    const bool on_input = method.map_of_input;
    if (on_input) require_no_layer(method_options, method.name.c_str());
    MapGraph graph(network, method_options, on_input ? MapOf::input : MapOf::layer);

    // The batch's own symbol: clients then see that all ports share it.
    const auto& batch = graph.model().graph.find_input(network.input)->shape->front();
    const model::Dimension n = batch.value || !batch.symbol.empty() ? batch : model::Dimension{.symbol = "n"};
    const ExplainedClasses classes = options.top_k ? best_classes_of(graph, *options.top_k) : class_of_input(graph, n);
    std::vector<Value> maps;
    for (const Value& column : classes.columns) maps.push_back(map_of_class(graph, method, column, options.normalize));
    Value all = maps.size() == 1 ? maps.front() : model::concat(maps, 1);
    if (options.map_size) all = resized(all, options.map_size->first, options.map_size->second);
    if (options.normalize) all = normalised(all, method.final_map);
    finish_graph(graph, classes, all, n);

    model::Model result = std::move(graph.model());
    describe(result, method, on_input ? network.input : joined_names(graph.layers()), options, network);
    return result;
}

}  // namespace locus::explain
