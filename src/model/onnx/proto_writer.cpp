// From a `Model` to the bytes of an ONNX file: `serialize`.

#include <algorithm>
#include <limits>
#include <new>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::model {
namespace {

template <class Message> void restore(Message& message, const Opaque& opaque) {
    if (!message.MergeFromString(opaque.serialized)) {
        throw Error(ErrorKind::model, "a part of the model that was carried through cannot be read");
    }
}

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

/// Smaller weights are axes, shapes and single numbers, which the runtime wants to see in the model itself.
constexpr std::size_t smallest_apart = 4096;

/// Protobuf's wire format, for a field that holds a message or bytes: key, length, contents (type 2).
std::uint32_t key_of(int field) { return static_cast<std::uint32_t>(field) << 3 | 2U; }

std::uint64_t field_size(int field, std::uint64_t length) {
    using google::protobuf::io::CodedOutputStream;
    return CodedOutputStream::VarintSize32(key_of(field)) + CodedOutputStream::VarintSize64(length) + length;
}

}  // namespace

std::string serialize(const Model& model) {
    using onnx::GraphProto;
    using onnx::ModelProto;
    using onnx::TensorProto;

    // Weights are copied once, straight to their place: messages with them inside would copy them twice more.
    std::uint64_t weights = 0;
    for (const auto& [name, tensor] : model.graph.initializers) weights += tensor.bytes().size() + name.size();
    const auto check = [](std::uint64_t size) {
        if (size > largest_onnx_file) {
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

ApartModel serialize_apart(const Model& model) {
    ApartModel apart;
    onnx::ModelProto proto = write_model_without_graph(model);
    *proto.mutable_graph() = write_graph_without_weights(model.graph);
    for (const auto& [name, tensor] : model.graph.initializers) {
        onnx::TensorProto& written = *proto.mutable_graph()->add_initializer();
        written = header_of(tensor);
        written.set_name(name);
        const bool whole_bytes = bits(tensor.type()) % 8 == 0;
        if (tensor.bytes().size() < smallest_apart || !whole_bytes) {
            written.set_raw_data(tensor.bytes().data(), tensor.bytes().size());
            continue;
        }
        written.set_data_location(onnx::TensorProto::EXTERNAL);
        auto& location = *written.add_external_data();
        location.set_key("location");
        location.set_value("given to the runtime by name");
        apart.weights.emplace_back(name, tensor);
    }
    apart.bytes = proto.SerializeAsString();
    return apart;
}

}  // namespace locus::model
