#include "model/onnx_file.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <set>
#include <unordered_set>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include "locus/error.hpp"
#include "model/external_data.hpp"
#include "report/atomic_file.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

namespace fs = std::filesystem;
using text::quote;

/// Protobuf counts bytes in 32 bits with a sign.
constexpr std::uint64_t largest_file = std::numeric_limits<std::int32_t>::max();

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::model, sentence); }

std::string standard(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

/// What is left of a message once what Locus reads has been cleared.
template <class Message> Opaque remainder(const Message& message) { return {message.SerializeAsString(), {}}; }

template <class Message> void restore(Message& message, const Opaque& opaque) {
    if (!message.MergeFromString(opaque.serialized))
        refuse("a part of the model that was carried through cannot be read");
}

// --- tensors -------------------------------------------------------------------------------------------------------

ExternalLocation external_location(const onnx::TensorProto& proto) {
    ExternalLocation location;
    const auto number = [&](const onnx::StringStringEntryProto& entry) {
        std::uint64_t value = 0;
        const char* end = entry.value().data() + entry.value().size();
        const auto [stop, error] = std::from_chars(entry.value().data(), end, value);
        if (error != std::errc() || stop != end) {
            refuse(fmt::format("the external data's {} is {}, which is not a number of bytes", entry.key(),
                               quote(entry.value())));
        }
        return value;
    };
    for (const onnx::StringStringEntryProto& entry : proto.external_data()) {
        if (entry.key() == "location") location.location = entry.value();
        if (entry.key() == "offset") location.offset = number(entry);
        if (entry.key() == "length") location.length = number(entry);
    }
    return location;
}

template <class T, class Values> std::vector<std::byte> packed(const Values& values) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(values.size()) * sizeof(T));
    std::byte* at = bytes.data();
    for (const auto& value : values) {
        const T element = static_cast<T>(value);
        std::memcpy(at, &element, sizeof(T));
        at += sizeof(T);
    }
    return bytes;
}

std::vector<std::byte> copied(const std::string& bytes) {
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    return {begin, begin + bytes.size()};
}

/// The elements from whichever field of the message holds them.
std::vector<std::byte> element_bytes(const onnx::TensorProto& proto, DataType type) {
    if (proto.has_raw_data()) return copied(proto.raw_data());
    switch (type) {
        case DataType::float32:
        case DataType::complex64:
            return packed<float>(proto.float_data());
        case DataType::float64:
        case DataType::complex128:
            return packed<double>(proto.double_data());
        case DataType::int64:
            return packed<std::int64_t>(proto.int64_data());
        case DataType::uint64:
            return packed<std::uint64_t>(proto.uint64_data());
        case DataType::uint32:
            return packed<std::uint32_t>(proto.uint64_data());
        case DataType::int32:
            return packed<std::int32_t>(proto.int32_data());
        default:
            return bits(type) == 16 ? packed<std::uint16_t>(proto.int32_data())
                                    : packed<std::uint8_t>(proto.int32_data());
    }
}

/// True for what Tensor can hold; strings and types that came later are carried through.
bool is_dense(const onnx::TensorProto& proto) { return bits(static_cast<DataType>(proto.data_type())) > 0; }

std::uint64_t wanted_bytes(const onnx::TensorProto& proto) {
    const std::int64_t count = element_count({proto.dims().begin(), proto.dims().end()});
    const int width = bits(static_cast<DataType>(proto.data_type()));
    if (width == 0) refuse("only tensors of numbers may have external data");
    if (static_cast<std::uint64_t>(count) > std::numeric_limits<std::uint64_t>::max() / 128) {
        refuse(fmt::format("a tensor of shape {} is larger than any memory",
                           to_string({proto.dims().begin(), proto.dims().end()})));
    }
    return (static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(width) + 7) / 8;
}

Tensor read_tensor(const onnx::TensorProto& proto, ExternalData& external) {
    const auto type = static_cast<DataType>(proto.data_type());
    Shape shape(proto.dims().begin(), proto.dims().end());
    if (proto.has_segment()) refuse("it is stored in segments, which ONNX never put to use");
    if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
        return {type, std::move(shape), external.read(external_location(proto), wanted_bytes(proto))};
    }
    return {type, std::move(shape), element_bytes(proto, type)};
}

/// Puts external data into the message, for what is carried through unread: there it would point at files that the
/// reader of our bytes does not have, or should not open.
void take_in(onnx::TensorProto& proto, ExternalData& external) {
    if (proto.data_location() != onnx::TensorProto::EXTERNAL) return;
    const std::vector<std::byte> bytes = external.read(external_location(proto), wanted_bytes(proto));
    proto.clear_external_data();
    proto.clear_data_location();
    proto.set_raw_data(bytes.data(), bytes.size());
}

void take_in(onnx::SparseTensorProto& proto, ExternalData& external) {
    if (proto.has_values()) take_in(*proto.mutable_values(), external);
    if (proto.has_indices()) take_in(*proto.mutable_indices(), external);
}

void take_in(onnx::GraphProto& graph, ExternalData& external);

void take_in(onnx::NodeProto& node, ExternalData& external) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
        if (attribute.has_t()) take_in(*attribute.mutable_t(), external);
        if (attribute.has_g()) take_in(*attribute.mutable_g(), external);
        if (attribute.has_sparse_tensor()) take_in(*attribute.mutable_sparse_tensor(), external);
        for (auto& tensor : *attribute.mutable_tensors()) take_in(tensor, external);
        for (auto& graph : *attribute.mutable_graphs()) take_in(graph, external);
        for (auto& tensor : *attribute.mutable_sparse_tensors()) take_in(tensor, external);
    }
}

void take_in(onnx::GraphProto& graph, ExternalData& external) {
    for (auto& tensor : *graph.mutable_initializer()) take_in(tensor, external);
    for (auto& tensor : *graph.mutable_sparse_initializer()) take_in(tensor, external);
    for (auto& node : *graph.mutable_node()) take_in(node, external);
}

// --- reading nodes -------------------------------------------------------------------------------------------------

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

Opaque carried_through(const onnx::AttributeProto& proto) {
    std::set<std::string> reads;
    if (proto.has_g()) collect_outer_reads(proto.g(), reads);
    for (const auto& graph : proto.graphs()) collect_outer_reads(graph, reads);
    return {proto.SerializeAsString(), {reads.begin(), reads.end()}};
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

Attribute read_attribute(const onnx::AttributeProto& proto, ExternalData& external) {
    if (proto.ref_attr_name().empty()) {
        switch (attribute_type(proto)) {
            case onnx::AttributeProto::FLOAT:
                return proto.f();
            case onnx::AttributeProto::INT:
                return static_cast<std::int64_t>(proto.i());
            case onnx::AttributeProto::STRING:
                return proto.s();
            case onnx::AttributeProto::TENSOR:
                if (is_dense(proto.t())) return read_tensor(proto.t(), external);
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
    return carried_through(proto);
}

/// Consumes the message.
Node read_node(onnx::NodeProto& proto, ExternalData& external) {
    Node node;
    node.op_type = proto.op_type();
    node.domain = standard(proto.domain());
    node.name = proto.name();
    node.doc = proto.doc_string();
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    if (node.op_type.empty()) refuse(fmt::format("node {} has no operator type", node.description()));
    for (onnx::AttributeProto& attribute : *proto.mutable_attribute()) {
        try {
            if (attribute.has_g() || attribute.graphs_size() > 0) {
                if (attribute.has_g()) take_in(*attribute.mutable_g(), external);
                for (auto& graph : *attribute.mutable_graphs()) take_in(graph, external);
            }
            if (attribute.has_sparse_tensor()) take_in(*attribute.mutable_sparse_tensor(), external);
            for (auto& tensor : *attribute.mutable_tensors()) take_in(tensor, external);
            for (auto& tensor : *attribute.mutable_sparse_tensors()) take_in(tensor, external);
            const auto [place, added] = node.attributes.emplace(attribute.name(), read_attribute(attribute, external));
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
                if (read.value && *read.value < 0) read.value.reset();
                info.shape->push_back(std::move(read));
            }
        }
    } else if (proto.has_type()) {
        info.other_type = remainder(proto.type());
    }
    return info;
}

// --- reading graphs ------------------------------------------------------------------------------------------------

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
                graph.initializers.emplace(name, read_tensor(tensor, external));
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

/// Consumes the message.
Graph read_graph(onnx::GraphProto& proto, ExternalData& external) {
    Graph graph;
    graph.name = proto.name();
    graph.doc = proto.doc_string();
    read_initializers(proto, graph, external);
    for (const auto& input : proto.input()) {
        // Files before IR version 4 list initializers among the inputs; later, that makes them defaults. Here they are constants.
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
    check_names(graph);
    sort_topologically(graph);
    proto.clear_name();
    proto.clear_doc_string();
    proto.clear_input();
    proto.clear_output();
    proto.clear_value_info();
    proto.clear_node();
    graph.rest = remainder(proto);
    return graph;
}

/// Consumes the message.
Model read_model(onnx::ModelProto& proto, ExternalData& external) {
    if (!proto.has_graph()) refuse("it is not an ONNX model: it holds no graph");
    Model model;
    model.ir_version = proto.ir_version();
    model.producer_name = proto.producer_name();
    model.producer_version = proto.producer_version();
    model.domain = proto.domain();
    model.model_version = proto.model_version();
    model.doc = proto.doc_string();
    for (const auto& import : proto.opset_import()) {
        std::int64_t& version = model.opsets[standard(import.domain())];
        version = std::max<std::int64_t>(version, import.version());
    }
    for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
    model.graph = read_graph(*proto.mutable_graph(), external);
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

// --- writing -------------------------------------------------------------------------------------------------------

/// A tensor's message without its elements, which `append_initializer` adds with one copy only.
onnx::TensorProto header_of(const Tensor& tensor) {
    onnx::TensorProto proto;
    for (const std::int64_t dimension : tensor.shape()) proto.add_dims(dimension);
    proto.set_data_type(static_cast<int>(tensor.type()));
    return proto;
}

onnx::AttributeProto write_attribute(const std::string& name, const Attribute& attribute) {
    onnx::AttributeProto proto;
    if (const auto* opaque = std::get_if<Opaque>(&attribute)) {
        restore(proto, *opaque);
    } else if (const auto* integer = std::get_if<std::int64_t>(&attribute)) {
        proto.set_type(onnx::AttributeProto::INT);
        proto.set_i(*integer);
    } else if (const auto* number = std::get_if<float>(&attribute)) {
        proto.set_type(onnx::AttributeProto::FLOAT);
        proto.set_f(*number);
    } else if (const auto* string = std::get_if<std::string>(&attribute)) {
        proto.set_type(onnx::AttributeProto::STRING);
        proto.set_s(*string);
    } else if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
        proto.set_type(onnx::AttributeProto::TENSOR);
        *proto.mutable_t() = header_of(*tensor);
        proto.mutable_t()->set_raw_data(tensor->bytes().data(), tensor->bytes().size());
    } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&attribute)) {
        proto.set_type(onnx::AttributeProto::INTS);
        for (const std::int64_t value : *integers) proto.add_ints(value);
    } else if (const auto* numbers = std::get_if<std::vector<float>>(&attribute)) {
        proto.set_type(onnx::AttributeProto::FLOATS);
        for (const float value : *numbers) proto.add_floats(value);
    } else if (const auto* strings = std::get_if<std::vector<std::string>>(&attribute)) {
        proto.set_type(onnx::AttributeProto::STRINGS);
        for (const std::string& value : *strings) proto.add_strings(value);
    }
    proto.set_name(name);
    return proto;
}

onnx::NodeProto write_node(const Node& node) {
    onnx::NodeProto proto;
    restore(proto, node.rest);
    for (const std::string& input : node.inputs) proto.add_input(input);
    for (const std::string& output : node.outputs) proto.add_output(output);
    proto.set_op_type(node.op_type);
    if (!node.name.empty()) proto.set_name(node.name);
    if (!node.domain.empty()) proto.set_domain(node.domain);
    if (!node.doc.empty()) proto.set_doc_string(node.doc);
    for (const auto& [name, attribute] : node.attributes) *proto.add_attribute() = write_attribute(name, attribute);
    return proto;
}

onnx::ValueInfoProto write_value_info(const ValueInfo& info) {
    onnx::ValueInfoProto proto;
    proto.set_name(info.name);
    if (!info.doc.empty()) proto.set_doc_string(info.doc);
    if (info.other_type) {
        restore(*proto.mutable_type(), *info.other_type);
    } else if (info.type != DataType::undefined) {
        auto& tensor = *proto.mutable_type()->mutable_tensor_type();
        tensor.set_elem_type(static_cast<int>(info.type));
        if (info.shape) {
            auto& shape = *tensor.mutable_shape();
            for (const Dimension& dimension : *info.shape) {
                auto& written = *shape.add_dim();
                if (dimension.value) {
                    written.set_dim_value(*dimension.value);
                } else if (!dimension.symbol.empty()) {
                    written.set_dim_param(dimension.symbol);
                }
            }
        }
    }
    return proto;
}

/// The graph without its dense initializers.
onnx::GraphProto write_graph_without_weights(const Graph& graph) {
    onnx::GraphProto proto;
    restore(proto, graph.rest);
    for (const auto& [name, opaque] : graph.other_initializers) restore(proto, opaque);
    proto.set_name(graph.name.empty() ? "graph" : graph.name);
    if (!graph.doc.empty()) proto.set_doc_string(graph.doc);
    for (const Node& node : graph.nodes) *proto.add_node() = write_node(node);
    for (const ValueInfo& info : graph.inputs) *proto.add_input() = write_value_info(info);
    for (const ValueInfo& info : graph.outputs) *proto.add_output() = write_value_info(info);
    for (const ValueInfo& info : graph.value_infos) *proto.add_value_info() = write_value_info(info);
    return proto;
}

onnx::ModelProto write_model_without_graph(const Model& model) {
    onnx::ModelProto proto;
    restore(proto, model.rest);
    // Since IR version 4 initializers need not be listed among the inputs, and ours are not.
    proto.set_ir_version(std::max<std::int64_t>(model.ir_version, 4));
    if (!model.producer_name.empty()) proto.set_producer_name(model.producer_name);
    if (!model.producer_version.empty()) proto.set_producer_version(model.producer_version);
    if (!model.domain.empty()) proto.set_domain(model.domain);
    if (model.model_version != 0) proto.set_model_version(model.model_version);
    if (!model.doc.empty()) proto.set_doc_string(model.doc);
    for (const auto& [domain, version] : model.opsets) {
        auto& import = *proto.add_opset_import();
        import.set_domain(domain);
        import.set_version(version);
    }
    for (const auto& [key, value] : model.metadata) {
        auto& entry = *proto.add_metadata_props();
        entry.set_key(key);
        entry.set_value(value);
    }
    return proto;
}

/// Protobuf's wire format, for a field that holds a message or bytes: key, length, contents (type 2).
std::uint32_t key_of(int field) { return static_cast<std::uint32_t>(field) << 3 | 2U; }

std::uint64_t field_size(int field, std::uint64_t length) {
    using google::protobuf::io::CodedOutputStream;
    return CodedOutputStream::VarintSize32(key_of(field)) + CodedOutputStream::VarintSize64(length) + length;
}

}  // namespace

Model parse(std::span<const std::byte> bytes, const fs::path& folder) {
    if (bytes.empty()) refuse("it is not an ONNX model: it is empty");
    if (bytes.size() > largest_file) {
        throw Error(ErrorKind::resource,
                    "it is larger than 2 GiB, which no ONNX file can be: keep the weights in external data");
    }
    try {
        onnx::ModelProto proto;
        if (!proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
            refuse("it is not an ONNX model, or it is truncated");
        }
        ExternalData external(folder);
        return read_model(proto, external);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, "there is not enough memory to read the model");
    }
}

Model load(const fs::path& file) {
    const std::string shown = quote(file.string());
    std::error_code failed;
    const fs::file_status status = fs::status(file, failed);
    if (status.type() == fs::file_type::not_found)
        throw Error(ErrorKind::io, fmt::format("there is no model file {}", shown));
    if (status.type() == fs::file_type::directory) {
        throw Error(ErrorKind::io, fmt::format("{} is a folder; a model is a single .onnx file", shown));
    }
    std::vector<std::byte> bytes;
    const std::uint64_t size = fs::file_size(file, failed);
    if (failed) throw Error(ErrorKind::io, fmt::format("cannot read {}: {}", shown, failed.message()));
    if (size > largest_file) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is larger than 2 GiB, which no ONNX file can be: keep the weights in external data",
                                shown));
    }
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot open {}", shown));
    try {
        bytes.resize(size);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("there is not enough memory to read {}", shown));
    }
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot read {}", shown));
    try {
        const fs::path folder = file.parent_path();
        return parse(bytes, folder.empty() ? fs::path(".") : folder);
    } catch (const Error& error) {
        throw Error(error.kind(), fmt::format("cannot load the model {}: {}", shown, error.what()));
    }
}

std::string serialize(const Model& model) {
    using onnx::GraphProto;
    using onnx::ModelProto;
    using onnx::TensorProto;

    // Weights are copied once, straight to their place: messages with them inside would copy them twice more.
    std::uint64_t weights = 0;
    for (const auto& [name, tensor] : model.graph.initializers) weights += tensor.bytes().size() + name.size();
    const auto check = [](std::uint64_t size) {
        if (size > largest_file) {
            throw Error(ErrorKind::resource, "the model takes more than 2 GiB, as much as one ONNX file can hold");
        }
    };
    check(weights);
    try {
        const std::string head = write_model_without_graph(model).SerializeAsString();
        const std::string nodes = write_graph_without_weights(model.graph).SerializeAsString();
        struct Initializer {
            std::string header;
            std::span<const std::byte> bytes;
            std::uint64_t size = 0;
        };
        std::vector<Initializer> initializers;
        std::uint64_t graph_size = nodes.size();
        for (const auto& [name, tensor] : model.graph.initializers) {
            onnx::TensorProto header = header_of(tensor);
            header.set_name(name);
            Initializer made{header.SerializeAsString(), tensor.bytes()};
            made.size = made.header.size() + field_size(TensorProto::kRawDataFieldNumber, made.bytes.size());
            graph_size += field_size(GraphProto::kInitializerFieldNumber, made.size);
            initializers.push_back(std::move(made));
        }
        const std::uint64_t total = head.size() + field_size(ModelProto::kGraphFieldNumber, graph_size);
        check(total);

        std::string bytes;
        bytes.reserve(total);
        google::protobuf::io::StringOutputStream stream(&bytes);
        google::protobuf::io::CodedOutputStream out(&stream);
        const auto begin_field = [&](int field, std::uint64_t length) {
            out.WriteVarint32(key_of(field));
            out.WriteVarint64(length);
        };
        out.WriteString(head);
        begin_field(ModelProto::kGraphFieldNumber, graph_size);
        out.WriteString(nodes);
        for (const Initializer& initializer : initializers) {
            begin_field(GraphProto::kInitializerFieldNumber, initializer.size);
            out.WriteString(initializer.header);
            begin_field(TensorProto::kRawDataFieldNumber, initializer.bytes.size());
            out.WriteRaw(initializer.bytes.data(), static_cast<int>(initializer.bytes.size()));
        }
        out.Trim();
        return bytes;
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, "there is not enough memory to write the model");
    }
}

void save(const Model& model, const fs::path& file) { report::write_file_atomically(file, serialize(model)); }

}  // namespace locus::model
