#include "model/onnx/proto_reader.hpp"

#include <algorithm>
#include <set>
#include <unordered_set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/onnx/proto_functions.hpp"
#include "model/onnx/proto_names.hpp"
#include "model/onnx/proto_tensor.hpp"
#include "model/tensor_misuse.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::model, sentence); }

/// What is left of a message once what Locus reads has been cleared.
template <class Message> Opaque remainder(const Message& message) { return {message.SerializeAsString(), {}, {}}; }

/// The tensors that a subgraph reads from the graphs around it.
void collect_outer_reads(const onnx::GraphProto& graph, std::set<std::string>& reads) {
    std::unordered_set<std::string> own;
    for (const auto& input : graph.input()) own.insert(input.name());
    for (const auto& tensor : graph.initializer()) own.insert(tensor.name());
    for (const auto& tensor : graph.sparse_initializer()) own.insert(tensor.values().name());
    std::set<std::string> used;
    for (const auto& node : graph.node()) {
        own.insert(node.output().begin(), node.output().end());
        used.insert(node.input().begin(), node.input().end());
        for (const auto& attribute : node.attribute()) {
            if (attribute.has_g()) collect_outer_reads(attribute.g(), used);
            for (const auto& inner : attribute.graphs()) collect_outer_reads(inner, used);
        }
    }
    for (const auto& output : graph.output()) used.insert(output.name());
    for (const std::string& name : used) {
        if (!name.empty() && !own.contains(name)) reads.insert(name);
    }
}

void collect_operators(const onnx::AttributeProto& attribute, std::set<std::string>& operators) {
    const auto collect = [&](const onnx::GraphProto& graph) {
        for (const auto& node : graph.node()) {
            if (standard_domain(node.domain()).empty()) operators.insert(node.op_type());
            for (const auto& inner : node.attribute()) collect_operators(inner, operators);
        }
    };
    if (attribute.has_g()) collect(attribute.g());
    for (const auto& graph : attribute.graphs()) collect(graph);
}

Opaque carried_through(const onnx::AttributeProto& proto) {
    std::set<std::string> reads, operators;
    if (proto.has_g()) collect_outer_reads(proto.g(), reads);
    for (const auto& graph : proto.graphs()) collect_outer_reads(graph, reads);
    collect_operators(proto, operators);
    return {proto.SerializeAsString(), {reads.begin(), reads.end()}, {operators.begin(), operators.end()}};
}

/// The attribute's type; files from before IR version 2 do not say it.
onnx::AttributeProto::AttributeType attribute_type(const onnx::AttributeProto& proto) {
    if (proto.type() != onnx::AttributeProto::UNDEFINED) return proto.type();
    if (proto.has_f()) return onnx::AttributeProto::FLOAT;
    if (proto.has_i()) return onnx::AttributeProto::INT;
    if (proto.has_s()) return onnx::AttributeProto::STRING;
    if (proto.has_t()) return onnx::AttributeProto::TENSOR;
    if (proto.floats_size() > 0) return onnx::AttributeProto::FLOATS;
    if (proto.ints_size() > 0) return onnx::AttributeProto::INTS;
    if (proto.strings_size() > 0) return onnx::AttributeProto::STRINGS;
    return onnx::AttributeProto::UNDEFINED;
}

/// Consumes the message.
Attribute read_attribute(onnx::AttributeProto& proto, ExternalData& external) {
    if (proto.ref_attr_name().empty()) {
        switch (attribute_type(proto)) {
            case onnx::AttributeProto::FLOAT:
                return proto.f();
            case onnx::AttributeProto::INT:
                return static_cast<std::int64_t>(proto.i());
            case onnx::AttributeProto::STRING:
                return proto.s();
            case onnx::AttributeProto::TENSOR:
                if (is_dense(proto.t())) return read_tensor(*proto.mutable_t(), external);
                break;
            case onnx::AttributeProto::FLOATS:
                return std::vector<float>(proto.floats().begin(), proto.floats().end());
            case onnx::AttributeProto::INTS:
                return std::vector<std::int64_t>(proto.ints().begin(), proto.ints().end());
            case onnx::AttributeProto::STRINGS:
                return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
            default:
                break;
        }
    }
    take_in(proto, external);
    return carried_through(proto);
}

/// Consumes the message.
Node read_node(onnx::NodeProto& proto, ExternalData& external) {
    Node node;
    node.op_type = proto.op_type();
    node.domain = standard_domain(proto.domain());
    node.name = proto.name();
    node.doc = proto.doc_string();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    if (node.op_type.empty()) refuse(fmt::format("node {} has no operator type", node.description()));
    for (onnx::AttributeProto& attribute : *proto.mutable_attribute()) {
        try {
            const auto [place, added] = node.attributes.emplace(
                attribute.name(), blaming_the_model([&] { return read_attribute(attribute, external); }));
            if (!added) refuse("it is there twice");
        } catch (const Error& error) {
            throw Error(error.kind(), fmt::format("attribute {} of node {} cannot be read: {}", quote(attribute.name()),
                                                  node.description(), error.what()));
        }
    }
    proto.clear_op_type();
    proto.clear_domain();
    proto.clear_name();
    proto.clear_doc_string();
    proto.clear_input();
    proto.clear_output();
    proto.clear_attribute();
    node.rest = remainder(proto);
    return node;
}

/// The tensor that a Constant node makes; nullopt where it is not one of numbers.
std::optional<Tensor> constant_value(const Node& node) {
    if (!node.is("Constant") || node.attributes.size() != 1 || node.outputs.size() != 1) return std::nullopt;
    const auto& [key, value] = *node.attributes.begin();
    if (const auto* tensor = std::get_if<Tensor>(&value); tensor && key == "value") return *tensor;
    if (const auto* number = std::get_if<float>(&value); number && key == "value_float") return Tensor::scalar(*number);
    if (const auto* number = std::get_if<std::int64_t>(&value); number && key == "value_int")
        return Tensor::scalar(*number);
    const auto list = [](const auto& values) {
        using T = typename std::decay_t<decltype(values)>::value_type;
        return Tensor::of<T>({static_cast<std::int64_t>(values.size())}, std::span<const T>(values));
    };
    if (const auto* floats = std::get_if<std::vector<float>>(&value); floats && key == "value_floats")
        return list(*floats);
    if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&value); ints && key == "value_ints")
        return list(*ints);
    return std::nullopt;
}

ValueInfo read_value_info(const onnx::ValueInfoProto& proto) {
    ValueInfo info;
    info.name = proto.name();
    info.doc = proto.doc_string();
    info.type = DataType::undefined;
    if (proto.type().has_tensor_type()) {
        const auto& tensor = proto.type().tensor_type();
        info.type = static_cast<DataType>(tensor.elem_type());
        if (tensor.has_shape()) {
            info.shape.emplace();
            for (const auto& dimension : tensor.shape().dim()) {
                Dimension read;
                if (dimension.has_dim_value()) read.value = dimension.dim_value();
                if (dimension.has_dim_param()) read.symbol = dimension.dim_param();
                // Some exporters write -1 or 0 for "any".
                if (read.value && *read.value <= 0) read.value.reset();
                info.shape->push_back(std::move(read));
            }
        }
    } else if (proto.has_type()) {
        info.other_type = remainder(proto.type());
    }
    return info;
}

/// Takes the initializers out of the message one by one, so that no weight is held twice.
void read_initializers(onnx::GraphProto& proto, Graph& graph, ExternalData& external) {
    const auto check_new = [&](const std::string& name) {
        if (name.empty()) refuse("an initializer has no name");
        if (graph.initializers.contains(name) || graph.other_initializers.contains(name)) {
            refuse(fmt::format("initializer {} is there twice", quote(name)));
        }
    };
    for (onnx::TensorProto& tensor : *proto.mutable_initializer()) {
        check_new(tensor.name());
        const std::string name = tensor.name();
        try {
            if (is_dense(tensor)) {
                graph.initializers.emplace(name, blaming_the_model([&] { return read_tensor(tensor, external); }));
            } else {
                if (tensor.data_type() == onnx::TensorProto::UNDEFINED) refuse("it has no element type");
                take_in(tensor, external);
                onnx::GraphProto alone;
                alone.add_initializer()->Swap(&tensor);
                graph.other_initializers.emplace(name, remainder(alone));
            }
        } catch (const Error& error) {
            throw Error(error.kind(), fmt::format("initializer {} cannot be read: {}", quote(name), error.what()));
        }
        onnx::TensorProto().Swap(&tensor);
    }
    for (onnx::SparseTensorProto& tensor : *proto.mutable_sparse_initializer()) {
        const std::string name = tensor.values().name();
        check_new(name);
        take_in(tensor, external);
        onnx::GraphProto alone;
        alone.add_sparse_initializer()->Swap(&tensor);
        graph.other_initializers.emplace(name, remainder(alone));
    }
    proto.clear_initializer();
    proto.clear_sparse_initializer();
}

/// Each tensor is made once, and the outputs are made at all.
void check_names(const Graph& graph) {
    std::unordered_set<std::string> made;
    const auto make = [&](const std::string& name) {
        if (!made.insert(name).second) refuse(fmt::format("tensor {} is made twice", quote(name)));
    };
    for (const ValueInfo& input : graph.inputs) {
        if (input.name.empty()) refuse("a graph input has no name");
        make(input.name);
    }
    for (const auto& [name, tensor] : graph.initializers) make(name);
    for (const auto& [name, tensor] : graph.other_initializers) make(name);
    for (const Node& node : graph.nodes) {
        for (const std::string& output : node.outputs) {
            if (!output.empty()) make(output);
        }
    }
    if (graph.outputs.empty()) refuse("the graph has no outputs");
    std::unordered_set<std::string> listed;
    for (const ValueInfo& output : graph.outputs) {
        if (!made.contains(output.name)) refuse(fmt::format("nothing makes the graph's output {}", quote(output.name)));
        if (!listed.insert(output.name).second) refuse(fmt::format("output {} is listed twice", quote(output.name)));
    }
}

}  // namespace

Graph read_graph(onnx::GraphProto& proto, ExternalData& external) {
    Graph graph;
    graph.name = proto.name();
    graph.doc = proto.doc_string();
    read_initializers(proto, graph, external);
    for (const auto& input : proto.input()) {
        // Files before IR version 4 list initializers among the inputs; later, that makes them defaults. Here they are
        // constants.
        if (graph.initializers.contains(input.name()) || graph.other_initializers.contains(input.name())) continue;
        graph.inputs.push_back(read_value_info(input));
    }
    for (const auto& output : proto.output()) graph.outputs.push_back(read_value_info(output));
    for (const auto& info : proto.value_info()) graph.value_infos.push_back(read_value_info(info));
    for (onnx::NodeProto& message : *proto.mutable_node()) {
        Node node = read_node(message, external);
        if (std::optional<Tensor> value = constant_value(node)) {
            if (!graph.initializers.emplace(node.output(0), std::move(*value)).second) {
                refuse(fmt::format("tensor {} is made twice", quote(node.output(0))));
            }
        } else {
            graph.nodes.push_back(std::move(node));
        }
    }
    proto.clear_name();
    proto.clear_doc_string();
    proto.clear_input();
    proto.clear_output();
    proto.clear_value_info();
    proto.clear_node();
    graph.rest = remainder(proto);
    return graph;
}

Model read_model(onnx::ModelProto& proto, ExternalData& external) {
    if (!proto.has_graph()) refuse("it is not an ONNX model: it holds no graph");
    inline_functions(proto);
    Model model;
    model.ir_version = proto.ir_version();
    model.producer_name = proto.producer_name();
    model.producer_version = proto.producer_version();
    model.domain = proto.domain();
    model.model_version = proto.model_version();
    model.doc = proto.doc_string();
    for (const auto& import : proto.opset_import()) {
        std::int64_t& version = model.opsets[std::string(standard_domain(import.domain()))];
        version = std::max<std::int64_t>(version, import.version());
    }
    for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
    model.graph = read_graph(*proto.mutable_graph(), external);
    check_names(model.graph);
    sort_topologically(model.graph);
    // Before IR version 3 there was one operator set and no word of it.
    if (model.opsets.empty() && model.ir_version < 3) model.opsets[""] = 1;
    for (const Node& node : model.graph.nodes) {
        if (!model.opsets.contains(node.domain)) {
            refuse(fmt::format(
                "node {} is of operator set {}, whose version the model does not say (is the file truncated?)",
                node.description(), quote(node.domain.empty() ? "ai.onnx" : node.domain)));
        }
    }
    for (onnx::FunctionProto& function : *proto.mutable_functions()) {
        for (onnx::NodeProto& node : *function.mutable_node()) take_in(node, external);
    }
    for (onnx::TrainingInfoProto& training : *proto.mutable_training_info()) {
        if (training.has_initialization()) take_in(*training.mutable_initialization(), external);
        if (training.has_algorithm()) take_in(*training.mutable_algorithm(), external);
    }
    proto.clear_ir_version();
    proto.clear_producer_name();
    proto.clear_producer_version();
    proto.clear_domain();
    proto.clear_model_version();
    proto.clear_doc_string();
    proto.clear_opset_import();
    proto.clear_metadata_props();
    proto.clear_graph();
    model.rest = remainder(proto);
    return model;
}

}  // namespace locus::model
