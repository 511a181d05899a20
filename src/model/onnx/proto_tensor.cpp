#include "model/onnx/proto_tensor.hpp"

#include <charconv>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::model, sentence); }

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

/// The elements from whichever of the message's fields of numbers holds them.
std::vector<std::byte> packed_elements(const onnx::TensorProto& proto, DataType type) {
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

}  // namespace

bool is_dense(const onnx::TensorProto& proto) { return bits(static_cast<DataType>(proto.data_type())) > 0; }

Tensor read_tensor(onnx::TensorProto& proto, ExternalData& external) {
    const auto type = static_cast<DataType>(proto.data_type());
    Shape shape(proto.dims().begin(), proto.dims().end());
    if (proto.has_segment()) refuse("it is stored in segments, which ONNX never put to use");
    if (proto.data_location() == onnx::TensorProto::EXTERNAL) {
        return {type, std::move(shape), external.read(external_location(proto), wanted_bytes(proto))};
    }
    if (proto.has_raw_data()) return Tensor::from_string(type, std::move(shape), std::move(*proto.mutable_raw_data()));
    return {type, std::move(shape), packed_elements(proto, type)};
}

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

void take_in(onnx::AttributeProto& attribute, ExternalData& external) {
    if (attribute.has_t()) take_in(*attribute.mutable_t(), external);
    if (attribute.has_g()) take_in(*attribute.mutable_g(), external);
    if (attribute.has_sparse_tensor()) take_in(*attribute.mutable_sparse_tensor(), external);
    for (auto& tensor : *attribute.mutable_tensors()) take_in(tensor, external);
    for (auto& graph : *attribute.mutable_graphs()) take_in(graph, external);
    for (auto& tensor : *attribute.mutable_sparse_tensors()) take_in(tensor, external);
}

void take_in(onnx::NodeProto& node, ExternalData& external) {
    for (onnx::AttributeProto& attribute : *node.mutable_attribute()) take_in(attribute, external);
}

void take_in(onnx::GraphProto& graph, ExternalData& external) {
    for (auto& tensor : *graph.mutable_initializer()) take_in(tensor, external);
    for (auto& tensor : *graph.mutable_sparse_initializer()) take_in(tensor, external);
    for (auto& node : *graph.mutable_node()) take_in(node, external);
}

}  // namespace locus::model
