#pragma once

/// ONNX files written by hand in protobuf's wire format, for what our own writer never writes: external data, typed
/// data fields, subgraphs, mistakes. Field numbers are those of onnx.proto.

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace locus::test::wire {

inline std::string varint(std::uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
}

/// A field that holds an integer.
inline std::string number(int field, std::int64_t value) {
    return varint(static_cast<std::uint64_t>(field) << 3) + varint(static_cast<std::uint64_t>(value));
}

/// A field that holds a message, a string or packed numbers.
inline std::string bytes(int field, std::string_view contents) {
    return varint(static_cast<std::uint64_t>(field) << 3 | 2) + varint(contents.size()) + std::string(contents);
}

/// A field that holds a float.
inline std::string real(int field, float value) {
    std::string raw(4, '\0');
    std::memcpy(raw.data(), &value, 4);
    return varint(static_cast<std::uint64_t>(field) << 3 | 5) + raw;
}

template <class T> std::string raw(std::initializer_list<T> values) {
    return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

inline std::string packed(std::initializer_list<std::int64_t> values) {
    std::string all;
    for (const std::int64_t value : values) all += varint(static_cast<std::uint64_t>(value));
    return all;
}

/// TensorProto: name, type (TensorProto.DataType), dimensions; `data` are further fields.
inline std::string tensor(std::string_view name, int type, std::initializer_list<std::int64_t> dims,
                          const std::string& data) {
    std::string message = bytes(8, name) + number(2, type);
    for (const std::int64_t dim : dims) message += number(1, dim);
    return message + data;
}

inline std::string raw_data(std::string_view contents) { return bytes(9, contents); }

/// external_data entries and data_location = EXTERNAL.
inline std::string external(std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
    std::string message = number(14, 1);
    for (const auto& [key, value] : entries) message += bytes(13, bytes(1, key) + bytes(2, value));
    return message;
}

/// NodeProto; `attributes` are AttributeProto messages.
inline std::string node(std::string_view type, std::initializer_list<std::string_view> inputs,
                        std::initializer_list<std::string_view> outputs,
                        std::initializer_list<std::string> attributes = {}) {
    std::string message = bytes(4, type);
    for (const std::string_view input : inputs) message += bytes(1, input);
    for (const std::string_view output : outputs) message += bytes(2, output);
    for (const std::string& attribute : attributes) message += bytes(5, attribute);
    return message;
}

/// AttributeProto; `value` are its other fields, `type` AttributeProto.AttributeType.
inline std::string attribute(std::string_view name, int type, const std::string& value) {
    return bytes(1, name) + value + number(20, type);
}

/// ValueInfoProto of a float tensor of shape [n, 2].
inline std::string value(std::string_view name) {
    const std::string shape = bytes(1, bytes(2, "n")) + bytes(1, number(1, 2));
    return bytes(1, name) + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)));
}

/// GraphProto fields.
inline std::string graph_node(const std::string& message) { return bytes(1, message); }
inline std::string graph_initializer(const std::string& message) { return bytes(5, message); }
inline std::string graph_input(std::string_view name) { return bytes(11, value(name)); }
inline std::string graph_output(std::string_view name) { return bytes(12, value(name)); }

/// ModelProto of a graph, IR version and opset.
inline std::string model(const std::string& graph, int ir_version = 7, int opset = 13) {
    return number(1, ir_version) + bytes(7, graph) + bytes(8, number(2, opset));
}

}  // namespace locus::test::wire
