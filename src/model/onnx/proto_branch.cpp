// `read_branch`: a subgraph as a part of the graph around it.

#include <unordered_map>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/known_branches.hpp"
#include "model/onnx/proto_names.hpp"
#include "model/onnx/proto_reader.hpp"

namespace locus::model {
namespace {

/// The tensors that the graph makes, those of graphs inside it not counted.
std::unordered_set<std::string> made_by(const onnx::GraphProto& graph) {
    std::unordered_set<std::string> made;
    for (const auto& tensor : graph.initializer()) made.insert(tensor.name());
    for (const auto& tensor : graph.sparse_initializer()) made.insert(tensor.values().name());
    for (const auto& node : graph.node()) made.insert(node.output().begin(), node.output().end());
    return made;
}

/// All names in the graph, which stays as it is.
std::unordered_set<std::string> names_in(onnx::GraphProto& graph) {
    std::unordered_set<std::string> names;
    rename_tensors(graph, [&](const std::string& name) {
        names.insert(name);
        return name;
    });
    return names;
}

}  // namespace

std::optional<Graph> read_branch(const Opaque& attribute, const std::vector<std::string>& outputs,
                                 const std::function<bool(const std::string&)>& is_taken) {
    onnx::AttributeProto proto;
    if (!proto.ParseFromString(attribute.serialized) || !proto.has_g()) return std::nullopt;
    onnx::GraphProto& graph = *proto.mutable_g();
    if (static_cast<std::size_t>(graph.output_size()) < outputs.size()) return std::nullopt;

    const std::unordered_set<std::string> made = made_by(graph);
    std::unordered_map<std::string, std::string> names;
    std::vector<std::pair<std::string, std::string>> passed_on;  // outputs that are of around, or listed twice
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const std::string& inner = graph.output(static_cast<int>(i)).name();
        if (outputs[i].empty()) continue;
        if (!made.contains(inner) || !names.emplace(inner, outputs[i]).second)
            passed_on.emplace_back(inner, outputs[i]);
    }
    // Nor may a new name be one that graphs further inside use for something else.
    std::unordered_set<std::string> used = names_in(graph);
    for (const std::string& name : made) {
        if (name.empty() || names.contains(name)) continue;
        std::string free = name;
        for (int i = 2; is_taken(free) || (i > 2 && used.contains(free)); ++i) free = fmt::format("{}_{}", name, i);
        used.insert(free);
        names.emplace(name, std::move(free));
    }
    const auto renamed = [&](const std::string& name) {
        const auto found = names.find(name);
        return found == names.end() ? name : found->second;
    };
    rename_tensors(graph, renamed);
    for (const auto& [inner, outer] : passed_on) {
        onnx::NodeProto& identity = *graph.add_node();
        identity.set_op_type("Identity");
        identity.add_input(renamed(inner));
        identity.add_output(outer);
    }
    ExternalData nothing{{}};  // taken in when the model was read
    return read_graph(graph, nothing);
}

std::unordered_set<std::string> names_inside(const Opaque& attribute) {
    onnx::AttributeProto proto;
    std::unordered_set<std::string> names;
    if (!proto.ParseFromString(attribute.serialized)) return names;
    if (proto.has_g()) names.merge(names_in(*proto.mutable_g()));
    for (onnx::GraphProto& graph : *proto.mutable_graphs()) names.merge(names_in(graph));
    return names;
}

}  // namespace locus::model
