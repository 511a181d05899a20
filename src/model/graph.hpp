#pragma once

/// An ONNX model as plain values: what every part of Locus reads and rewrites. Protobuf stays in model/onnx/.
///
///     model::Model model = model::load("resnet50.onnx");
///     model::Index index(model.graph);
///     const model::Node* producer = index.producer("logits");
///     if (producer && producer->op_type == "Gemm") ...
///
/// A graph is a value: copying one copies its nodes and shares its weights (see Tensor), so a rewrite begins with a
/// copy.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "locus/tensor.hpp"

namespace locus::model {

/// Something Locus carries through unread: a serialized protobuf message (subgraphs, sparse tensors, type protos, …).
struct Opaque {
    std::string serialized;
    std::vector<std::string> reads;  ///< tensors of the graph around it that a subgraph reads by name
    /// That a subgraph, and those inside it, are made of: each once, those of ONNX alone.
    std::vector<std::string> operators;
};

using Attribute = std::variant<std::int64_t, float, std::string, Tensor, std::vector<std::int64_t>, std::vector<float>,
                               std::vector<std::string>, Opaque>;

struct Node {
    std::string op_type;
    std::vector<std::string> inputs;   ///< tensor names; "" where an optional input is left out
    std::vector<std::string> outputs;  ///< tensor names; "" where an optional output is not wanted
    std::map<std::string, Attribute> attributes;
    std::string name;
    std::string domain;  ///< "" is the standard operator set ("ai.onnx" is read as "")
    std::string doc;
    Opaque rest;  ///< what newer versions of ONNX say of nodes

    /// Attribute values, or the given default where absent. Throw Error(model) where the attribute has another type.
    std::int64_t int_or(std::string_view key, std::int64_t fallback) const;
    float float_or(std::string_view key, float fallback) const;
    std::string string_or(std::string_view key, std::string fallback) const;
    std::vector<std::int64_t> ints_or(std::string_view key, std::vector<std::int64_t> fallback) const;
    std::vector<float> floats_or(std::string_view key, std::vector<float> fallback) const;
    bool has(std::string_view key) const { return attributes.contains(std::string(key)); }

    /// The i-th input or output, "" where there is none.
    const std::string& input(std::size_t i) const;
    const std::string& output(std::size_t i) const;

    /// The tensors that it reads: its inputs, and what its subgraphs (If, Loop, Scan) read of the graph around them.
    std::vector<std::string> reads() const;

    /// True for an operator of the standard set of this type.
    bool is(std::string_view type) const { return op_type == type && domain.empty(); }

    /// How people are told of it: its name, or its type and first output where it has none.
    std::string description() const;
};

/// One dimension of a declared shape: a number, or a symbol ("batch"), or unknown (both empty).
struct Dimension {
    std::optional<std::int64_t> value;
    std::string symbol;
};

/// A declared graph input, output or intermediate tensor.
struct ValueInfo {
    std::string name;
    DataType type = DataType::float32;            ///< undefined where it is not a tensor
    std::optional<std::vector<Dimension>> shape;  ///< nullopt where no rank is declared
    std::optional<Opaque> other_type;             ///< the TypeProto of sequences, maps and the like
    std::string doc;
};

struct Graph {
    std::string name;
    std::string doc;
    std::vector<Node> nodes;        ///< in an order in which each node comes after those it reads from
    std::vector<ValueInfo> inputs;  ///< without those that are initializers (older files list these as well)
    std::vector<ValueInfo> outputs;
    std::vector<ValueInfo> value_infos;
    std::map<std::string, Tensor> initializers;
    std::map<std::string, Opaque> other_initializers;  ///< strings, sparse tensors and unknown types, by name
    Opaque rest;  ///< quantization annotations and what newer versions of ONNX say of graphs

    const ValueInfo* find_input(std::string_view name) const;
    const ValueInfo* find_output(std::string_view name) const;
    /// The constant tensor of this name: an initializer. Constant *nodes* are made initializers by `load`.
    const Tensor* find_constant(std::string_view name) const;
};

struct Model {
    std::int64_t ir_version = 8;
    std::map<std::string, std::int64_t> opsets;  ///< domain ("" is standard) to version
    std::string producer_name;
    std::string producer_version;
    std::string domain;
    std::int64_t model_version = 0;
    std::string doc;
    std::map<std::string, std::string> metadata;  ///< metadata_props
    Graph graph;
    Opaque rest;  ///< functions that stay, training information and what newer versions of ONNX say of models

    /// Version of the standard operator set; throws Error(model) where the model imports none.
    std::int64_t opset() const;
};

/// Who makes and who reads each tensor. Points into the graph: valid while that stands unchanged.
class Index {
public:
    Index(Graph&&) = delete;  // would point into a graph that is gone
    explicit Index(const Graph& graph);

    /// The node that makes the tensor; null for graph inputs, constants and unknown names.
    const Node* producer(std::string_view tensor) const;

    /// The nodes that read the tensor, as an input or from inside a subgraph, in graph order, each once.
    const std::vector<const Node*>& consumers(std::string_view tensor) const;

    /// True where the tensor exists: a graph input, a constant or a node's output.
    bool contains(std::string_view tensor) const;

    /// The tensors from which `tensor` is computed (itself included), those that subgraphs read as well.
    std::unordered_set<std::string> ancestors(std::string_view tensor) const;

    /// The tensors computed from `tensor` (itself included).
    std::unordered_set<std::string> descendants(std::string_view tensor) const;

    /// The `count` existing names of node outputs nearest to `name` in spelling, nearest first: for error messages.
    std::vector<std::string> nearest_names(std::string_view name, std::size_t count = 3) const;

private:
    const Graph* graph_;
    std::unordered_map<std::string, const Node*> producers_;
    std::unordered_map<std::string, std::vector<const Node*>> consumers_;
    std::unordered_set<std::string> sources_;
};

/// Adds nodes to a graph under names that do not collide with what was there or what it added: one writer at a time for
/// a prefix.
///
///     NodeWriter write(model.graph, "locus");
///     std::string y = write.node("Relu", {x});
///     std::string z = write.node("Mul", {y, write.constant(Tensor::scalar(2.0F))});
class NodeWriter {
public:
    /// New names begin with `prefix` and '/' .
    NodeWriter(Graph& graph, std::string prefix);

    /// Appends a node with one output and returns the output's name.
    std::string node(std::string op_type, std::vector<std::string> inputs,
                     std::map<std::string, Attribute> attributes = {});

    /// Appends a node with `outputs` outputs and returns their names.
    std::vector<std::string> node_with_outputs(std::string op_type, std::vector<std::string> inputs,
                                               std::size_t outputs, std::map<std::string, Attribute> attributes = {});

    /// Appends a Cast of the tensor to the type.
    std::string cast(const std::string& tensor, DataType type);

    /// Adds an initializer and returns its name.
    std::string constant(Tensor value);
    std::string constant(std::vector<std::int64_t> values);  ///< int64, rank 1

    /// A name of the form prefix/stem_N that nothing in the graph has yet.
    std::string fresh_name(std::string_view stem);

    Graph& graph() { return *graph_; }

private:
    Graph* graph_;
    std::string prefix_;
    std::unordered_set<std::string> taken_;
    std::unordered_map<std::string, int> next_;
};

/// Removes the nodes and initializers that no graph output needs. Graph inputs stay.
void remove_unused(Graph& graph);

/// The part of `graph` that computes `outputs` from `inputs` (tensor names; a graph input, constants and whatever else
/// is needed beside them are kept). Throws Error(model) where a tensor does not exist.
Graph extract(const Graph& graph, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs);

/// Puts the nodes into an order in which each comes after those it reads from, keeping the given order where it can.
/// Throws Error(model) where there is a cycle or a tensor that nothing makes.
void sort_topologically(Graph& graph);

}  // namespace locus::model
