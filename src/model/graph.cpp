#include "model/graph.hpp"

#include <algorithm>
#include <functional>
#include <queue>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

const std::string no_name;

template <class T> T attribute_or(const Node& node, std::string_view key, T fallback, std::string_view kind) {
    const auto found = node.attributes.find(std::string(key));
    if (found == node.attributes.end()) return fallback;
    if (const T* value = std::get_if<T>(&found->second)) return *value;
    throw Error(ErrorKind::model,
                fmt::format("attribute {} of node {} is not {}", quote(key), node.description(), kind));
}

const ValueInfo* find(const std::vector<ValueInfo>& infos, std::string_view name) {
    const auto found =
        std::find_if(infos.begin(), infos.end(), [&](const ValueInfo& info) { return info.name == name; });
    return found == infos.end() ? nullptr : &*found;
}

/// Calls `use` with each tensor that the node reads, those that its subgraphs read from around them included.
template <class Use> void for_each_read(const Node& node, Use use) {
    for (const std::string& input : node.inputs) {
        if (!input.empty()) use(input);
    }
    for (const auto& [key, attribute] : node.attributes) {
        if (const auto* opaque = std::get_if<Opaque>(&attribute)) {
            for (const std::string& read : opaque->reads) use(read);
        }
    }
}

/// Tensor to the node that makes it.
std::unordered_map<std::string_view, std::size_t> producers(const Graph& graph) {
    std::unordered_map<std::string_view, std::size_t> makers;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        for (const std::string& output : graph.nodes[i].outputs) {
            if (!output.empty()) makers.emplace(output, i);
        }
    }
    return makers;
}

struct Needed {
    std::unordered_set<std::string> tensors;
    std::vector<char> nodes;  ///< by index
};

/// What `outputs` are computed from, going back no further than `stops`.
Needed needed_for(const Graph& graph, const std::vector<std::string>& outputs,
                  const std::unordered_set<std::string>& stops = {}) {
    const auto makers = producers(graph);
    Needed needed{{}, std::vector<char>(graph.nodes.size(), 0)};
    std::vector<std::string> waiting;
    const auto want = [&](const std::string& tensor) {
        if (needed.tensors.insert(tensor).second) waiting.push_back(tensor);
    };
    for (const std::string& output : outputs) want(output);
    while (!waiting.empty()) {
        const std::string tensor = std::move(waiting.back());
        waiting.pop_back();
        if (stops.contains(tensor)) continue;
        const auto maker = makers.find(tensor);
        if (maker == makers.end() || needed.nodes[maker->second]) continue;
        needed.nodes[maker->second] = 1;
        for_each_read(graph.nodes[maker->second], want);
    }
    return needed;
}

/// Drops the nodes that are not needed, and the initializers and declarations that belong to none that stays.
void keep(Graph& graph, const Needed& needed) {
    std::vector<Node> nodes;
    std::unordered_set<std::string> made;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        if (!needed.nodes[i]) continue;
        made.insert(graph.nodes[i].outputs.begin(), graph.nodes[i].outputs.end());
        nodes.push_back(std::move(graph.nodes[i]));
    }
    graph.nodes = std::move(nodes);
    std::erase_if(graph.initializers, [&](const auto& entry) { return !needed.tensors.contains(entry.first); });
    std::erase_if(graph.other_initializers, [&](const auto& entry) { return !needed.tensors.contains(entry.first); });
    std::erase_if(graph.value_infos, [&](const ValueInfo& info) {
        return !made.contains(info.name) && !needed.tensors.contains(info.name);
    });
}

}  // namespace

std::int64_t Node::int_or(std::string_view key, std::int64_t fallback) const {
    return attribute_or(*this, key, fallback, "an integer");
}

float Node::float_or(std::string_view key, float fallback) const {
    return attribute_or(*this, key, fallback, "a floating-point number");
}

std::string Node::string_or(std::string_view key, std::string fallback) const {
    return attribute_or(*this, key, std::move(fallback), "a string");
}

std::vector<std::int64_t> Node::ints_or(std::string_view key, std::vector<std::int64_t> fallback) const {
    return attribute_or(*this, key, std::move(fallback), "a list of integers");
}

std::vector<float> Node::floats_or(std::string_view key, std::vector<float> fallback) const {
    return attribute_or(*this, key, std::move(fallback), "a list of floating-point numbers");
}

const std::string& Node::input(std::size_t i) const { return i < inputs.size() ? inputs[i] : no_name; }

const std::string& Node::output(std::size_t i) const { return i < outputs.size() ? outputs[i] : no_name; }

std::string Node::description() const {
    if (!name.empty()) return quote(name);
    return fmt::format("{} that makes {}", quote(op_type), quote(output(0)));
}

std::vector<std::string> Node::reads() const {
    std::vector<std::string> tensors;
    for_each_read(*this, [&](const std::string& tensor) { tensors.push_back(tensor); });
    return tensors;
}

const ValueInfo* Graph::find_input(std::string_view tensor) const { return find(inputs, tensor); }

const ValueInfo* Graph::find_output(std::string_view tensor) const { return find(outputs, tensor); }

const Tensor* Graph::find_constant(std::string_view tensor) const {
    const auto found = initializers.find(std::string(tensor));
    return found == initializers.end() ? nullptr : &found->second;
}

std::int64_t Model::opset() const {
    const auto found = opsets.find("");
    if (found == opsets.end()) {
        throw Error(ErrorKind::model, "the model does not say which version of the standard operator set it uses");
    }
    return found->second;
}

Index::Index(const Graph& graph) : graph_(&graph) {
    for (const Node& node : graph.nodes) {
        for (const std::string& output : node.outputs) {
            if (!output.empty()) producers_.emplace(output, &node);
        }
        for_each_read(node, [&](const std::string& tensor) {
            std::vector<const Node*>& readers = consumers_[tensor];
            // A node that reads a tensor twice is one reader.
            if (readers.empty() || readers.back() != &node) readers.push_back(&node);
        });
    }
    for (const ValueInfo& input : graph.inputs) sources_.insert(input.name);
    for (const auto& [name, tensor] : graph.initializers) sources_.insert(name);
    for (const auto& [name, tensor] : graph.other_initializers) sources_.insert(name);
}

const Node* Index::producer(std::string_view tensor) const {
    const auto found = producers_.find(std::string(tensor));
    return found == producers_.end() ? nullptr : found->second;
}

const std::vector<const Node*>& Index::consumers(std::string_view tensor) const {
    static const std::vector<const Node*> none;
    const auto found = consumers_.find(std::string(tensor));
    return found == consumers_.end() ? none : found->second;
}

bool Index::contains(std::string_view tensor) const {
    const std::string name(tensor);
    return producers_.contains(name) || sources_.contains(name);
}

std::unordered_set<std::string> Index::ancestors(std::string_view tensor) const {
    std::unordered_set<std::string> found{std::string(tensor)};
    std::vector<std::string> waiting{std::string(tensor)};
    while (!waiting.empty()) {
        const Node* maker = producer(waiting.back());
        waiting.pop_back();
        if (!maker) continue;
        for_each_read(*maker, [&](const std::string& read) {
            if (found.insert(read).second) waiting.push_back(read);
        });
    }
    return found;
}

std::unordered_set<std::string> Index::descendants(std::string_view tensor) const {
    std::unordered_set<std::string> found{std::string(tensor)};
    std::vector<std::string> waiting{std::string(tensor)};
    while (!waiting.empty()) {
        const std::string name = std::move(waiting.back());
        waiting.pop_back();
        for (const Node* reader : consumers(name)) {
            for (const std::string& output : reader->outputs) {
                if (!output.empty() && found.insert(output).second) waiting.push_back(output);
            }
        }
    }
    return found;
}

std::vector<std::string> Index::nearest_names(std::string_view name, std::size_t count) const {
    std::vector<std::string> names;
    for (const Node& node : graph_->nodes) {
        for (const std::string& output : node.outputs) {
            if (!output.empty()) names.push_back(output);
        }
    }
    return text::nearest(name, names, count);
}

NodeWriter::NodeWriter(Graph& graph, std::string prefix) : graph_(&graph), prefix_(std::move(prefix)) {
    const auto take = [&](const std::string& name) { taken_.insert(name); };
    for (const ValueInfo& info : graph.inputs) take(info.name);
    for (const ValueInfo& info : graph.outputs) take(info.name);
    for (const auto& [name, tensor] : graph.initializers) take(name);
    for (const auto& [name, tensor] : graph.other_initializers) take(name);
    for (const Node& node : graph.nodes) {
        take(node.name);
        for (const std::string& output : node.outputs) take(output);
        for_each_read(node, take);
    }
}

std::string NodeWriter::node(std::string op_type, std::vector<std::string> inputs,
                             std::map<std::string, Attribute> attributes) {
    return node_with_outputs(std::move(op_type), std::move(inputs), 1, std::move(attributes)).front();
}

std::vector<std::string> NodeWriter::node_with_outputs(std::string op_type, std::vector<std::string> inputs,
                                                       std::size_t outputs,
                                                       std::map<std::string, Attribute> attributes) {
    Node made;
    for (std::size_t i = 0; i < outputs; ++i) made.outputs.push_back(fresh_name(op_type));
    made.name = made.output(0);
    made.op_type = std::move(op_type);
    made.inputs = std::move(inputs);
    made.attributes = std::move(attributes);
    graph_->nodes.push_back(std::move(made));
    return graph_->nodes.back().outputs;
}

std::string NodeWriter::cast(const std::string& tensor, DataType type) {
    return node("Cast", {tensor}, {{"to", static_cast<std::int64_t>(type)}});
}

std::string NodeWriter::constant(Tensor value) {
    std::string name = fresh_name("constant");
    graph_->initializers.emplace(name, std::move(value));
    return name;
}

std::string NodeWriter::constant(std::vector<std::int64_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return constant(Tensor::of<std::int64_t>({count}, std::span<const std::int64_t>(values)));
}

std::string NodeWriter::fresh_name(std::string_view stem) {
    for (;;) {
        std::string name = fmt::format("{}/{}_{}", prefix_, stem, next_[std::string(stem)]++);
        if (taken_.insert(name).second) return name;
    }
}

void remove_unused(Graph& graph) {
    std::vector<std::string> outputs;
    for (const ValueInfo& output : graph.outputs) outputs.push_back(output.name);
    keep(graph, needed_for(graph, outputs));
}

Graph extract(const Graph& graph, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
    const Index index(graph);
    for (const auto* names : {&inputs, &outputs}) {
        for (const std::string& name : *names) {
            if (!index.contains(name)) {
                throw Error(ErrorKind::model, fmt::format("the graph has no tensor named {}{}", quote(name),
                                                          text::did_you_mean(name, index.nearest_names(name))));
            }
        }
    }
    const auto declared = [&](const std::string& name) {
        for (const auto* infos : {&graph.inputs, &graph.outputs, &graph.value_infos}) {
            if (const ValueInfo* info = find(*infos, name)) return *info;
        }
        ValueInfo info;
        info.name = name;
        if (const Tensor* constant = graph.find_constant(name)) info.type = constant->type();
        return info;
    };

    const std::unordered_set<std::string> stops(inputs.begin(), inputs.end());
    const Needed needed = needed_for(graph, outputs, stops);
    Graph part = graph;
    keep(part, needed);
    part.inputs.clear();
    part.outputs.clear();
    std::unordered_set<std::string> listed;
    for (const std::string& name : inputs) {
        if (listed.insert(name).second) part.inputs.push_back(declared(name));
        part.initializers.erase(name);
        part.other_initializers.erase(name);
    }
    for (const ValueInfo& input : graph.inputs) {
        if (needed.tensors.contains(input.name) && listed.insert(input.name).second) part.inputs.push_back(input);
    }
    for (const std::string& name : outputs) {
        if (!find(part.outputs, name)) part.outputs.push_back(declared(name));
    }
    // What is an input or an output now needs no second declaration.
    std::erase_if(part.value_infos,
                  [&](const ValueInfo& info) { return find(part.inputs, info.name) || find(part.outputs, info.name); });
    return part;
}

void sort_topologically(Graph& graph) {
    const auto makers = producers(graph);
    const Index index(graph);
    const std::size_t count = graph.nodes.size();
    std::vector<std::vector<std::size_t>> readers(count);
    std::vector<std::size_t> missing(count, 0);  // reads whose maker has not been placed yet
    for (std::size_t i = 0; i < count; ++i) {
        for_each_read(graph.nodes[i], [&](const std::string& read) {
            const auto maker = makers.find(read);
            if (maker != makers.end()) {
                readers[maker->second].push_back(i);
                ++missing[i];
            } else if (!index.contains(read)) {
                throw Error(ErrorKind::model, fmt::format("node {} reads tensor {}, which nothing makes",
                                                          graph.nodes[i].description(), quote(read)));
            }
        });
    }
    // Of the nodes that can come next, the first in the given order.
    std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
    for (std::size_t i = 0; i < count; ++i) {
        if (missing[i] == 0) ready.push(i);
    }
    std::vector<std::size_t> order;
    order.reserve(count);
    while (!ready.empty()) {
        const std::size_t i = ready.top();
        ready.pop();
        order.push_back(i);
        for (const std::size_t reader : readers[i]) {
            if (--missing[reader] == 0) ready.push(reader);
        }
    }
    if (order.size() < count) {
        const auto stuck = std::find_if(missing.begin(), missing.end(), [](std::size_t reads) { return reads > 0; });
        throw Error(ErrorKind::model,
                    fmt::format("node {} lies on or behind a cycle: it would have to run before itself",
                                graph.nodes[static_cast<std::size_t>(stuck - missing.begin())].description()));
    }
    std::vector<Node> sorted;
    sorted.reserve(count);
    for (const std::size_t i : order) sorted.push_back(std::move(graph.nodes[i]));
    graph.nodes = std::move(sorted);
}

}  // namespace locus::model
