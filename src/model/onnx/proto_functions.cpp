#include "model/onnx/proto_functions.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "locus/error.hpp"
#include "model/onnx/proto_names.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

using text::quote;

constexpr std::size_t most_nodes = 1 << 18;
constexpr std::size_t most_bytes = 1 << 28;  // beside those that the functions take themselves
constexpr std::size_t most_depth = 64;

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Attributes = google::protobuf::RepeatedPtrField<onnx::AttributeProto>;

// Fields that came to ONNX after the headers of Debian 12.
constexpr int node_overload = 8;
constexpr int function_attribute_proto = 11;
constexpr int function_overload = 13;

/// What the fields of this number, messages or strings, hold. Protobuf carries along those that its headers do not
/// know.
std::vector<std::string> contents(const google::protobuf::MessageLite& message, int field) {
    constexpr std::uint32_t varint = 0, fixed64 = 1, length_delimited = 2, fixed32 = 5;
    const std::string bytes = message.SerializeAsString();
    google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
    google::protobuf::io::CodedInputStream input(&stream);
    std::vector<std::string> found;
    while (const std::uint32_t tag = input.ReadTag()) {
        std::uint64_t number = 0;
        std::uint32_t length = 0;
        bool read = false;
        switch (tag & 7U) {
            case varint:
                read = input.ReadVarint64(&number);
                break;
            case fixed64:
                read = input.Skip(8);
                break;
            case fixed32:
                read = input.Skip(4);
                break;
            case length_delimited:
                read = input.ReadVarint32(&length);
                if (read && tag >> 3 == static_cast<std::uint32_t>(field))
                    read = input.ReadString(&found.emplace_back(), static_cast<int>(length));
                else if (read)
                    read = input.Skip(static_cast<int>(length));
                break;
            default:  // groups: ONNX has none
                break;
        }
        if (!read) break;
    }
    return found;
}

std::string overload_of(const google::protobuf::MessageLite& message, int field) {
    const std::vector<std::string> found = contents(message, field);
    return found.empty() ? "" : found.back();
}

/// Domains whose operators the runtime has itself.
bool is_the_runtimes(std::string_view domain) {
    return domain.empty() || domain.starts_with("ai.onnx") || domain.starts_with("com.microsoft");
}

template <class Node, class Use> void for_each_subgraph(Node& node, Use use) {
    for (auto& attribute : *node.mutable_attribute()) {
        if (attribute.has_g()) use(*attribute.mutable_g());
        for (auto& graph : *attribute.mutable_graphs()) use(graph);
    }
}

std::size_t count_nodes(Nodes& nodes) {
    std::size_t count = 0;
    for (onnx::NodeProto& node : nodes) {
        ++count;
        for_each_subgraph(node, [&](onnx::GraphProto& graph) { count += count_nodes(*graph.mutable_node()); });
    }
    return count;
}

const onnx::AttributeProto* find(const Attributes& attributes, const std::string& name) {
    const auto found = std::find_if(attributes.begin(), attributes.end(), [&](const onnx::AttributeProto& attribute) {
        return attribute.name() == name && attribute.ref_attr_name().empty();
    });
    return found == attributes.end() ? nullptr : &*found;
}

struct Function {
    onnx::FunctionProto* proto = nullptr;
    Attributes defaults;
    std::size_t nodes = 0;
    std::size_t bytes = 0;
    bool is_open = false;  ///< while what it calls is written out

    std::string shown() const { return quote(proto->domain() + "." + proto->name()); }
};

/// Writes functions out where they are called.
class Inliner {
public:
    explicit Inliner(onnx::ModelProto& model) : model_(model) {
        for (onnx::FunctionProto& function : *model.mutable_functions()) {
            if (is_the_runtimes(function.domain())) continue;
            Function& entry =
                functions_[{function.domain(), function.name()}][overload_of(function, function_overload)];
            entry = {&function, {}, count_nodes(*function.mutable_node()), function.ByteSizeLong()};
            bytes_left_ += entry.bytes;
            for (const std::string& bytes : contents(function, function_attribute_proto)) {
                if (!entry.defaults.Add()->ParseFromString(bytes))
                    throw Error(ErrorKind::model,
                                fmt::format("a default attribute of the function {} cannot be read", entry.shown()));
            }
        }
        take_names(*model.mutable_graph());
    }

    void run() { expand(*model_.mutable_graph()->mutable_node()); }

private:
    void take_names(onnx::GraphProto& graph) {
        for (const auto& input : graph.input()) taken_.insert(input.name());
        for (const auto& tensor : graph.initializer()) taken_.insert(tensor.name());
        for (const auto& tensor : graph.sparse_initializer()) taken_.insert(tensor.values().name());
        for (onnx::NodeProto& node : *graph.mutable_node()) {
            taken_.insert(node.output().begin(), node.output().end());
            for_each_subgraph(node, [&](onnx::GraphProto& inner) { take_names(inner); });
        }
    }

    /// The function that the node calls; null where it is an operator.
    Function* called(const onnx::NodeProto& node) {
        const auto overloads = functions_.find({node.domain(), node.op_type()});
        if (overloads == functions_.end()) return nullptr;
        const auto found = overloads->second.find(overload_of(node, node_overload));
        return found == overloads->second.end() ? nullptr : &found->second;
    }

    void expand(Nodes& nodes) {
        Nodes expanded;
        for (onnx::NodeProto& node : nodes) {
            for_each_subgraph(node, [&](onnx::GraphProto& graph) { expand(*graph.mutable_node()); });
            Function* function = called(node);
            if (function == nullptr) {
                expanded.Add(std::move(node));
                continue;
            }
            if (function->is_open)
                throw Error(ErrorKind::model,
                            fmt::format("the function {} calls itself, directly or through others, which has no end",
                                        function->shown()));
            if (depth_ == most_depth)
                throw Error(ErrorKind::model,
                            fmt::format("its functions call each other more than {} deep", most_depth));
            Nodes body = written_out(*function, node);
            function->is_open = true;
            ++depth_;
            expand(body);
            --depth_;
            function->is_open = false;
            for (onnx::NodeProto& inner : body) expanded.Add(std::move(inner));
        }
        nodes.Swap(&expanded);
    }

    void spend(std::size_t nodes, std::size_t bytes) {
        if (nodes > nodes_left_ || bytes > bytes_left_)
            throw Error(ErrorKind::resource,
                        fmt::format("its functions, written out where they are called, come to more than {} nodes or "
                                    "{} MiB",
                                    most_nodes, most_bytes >> 20));
        nodes_left_ -= nodes;
        bytes_left_ -= bytes;
    }

    static std::string unused(std::string name, std::unordered_set<std::string>& used) {
        if (used.insert(name).second) return name;
        for (int i = 2;; ++i) {
            std::string numbered = fmt::format("{}_{}", name, i);
            if (used.insert(numbered).second) return numbered;
        }
    }

    /// One call's body while it is written.
    struct Call {
        const onnx::NodeProto& node;
        const Function& function;
        std::string prefix;
        std::unordered_map<std::string, std::string> names;  ///< from the function's to the caller's
    };

    Nodes written_out(const Function& function, const onnx::NodeProto& node) {
        const onnx::FunctionProto& proto = *function.proto;
        const auto require = [&](int given, int taken, std::string_view what) {
            if (given > taken)
                throw Error(ErrorKind::model,
                            fmt::format("the node {} has {} {}, but the function {} that it calls has {}",
                                        quote(node.name().empty() ? node.op_type() : node.name()), given, what,
                                        function.shown(), taken));
        };
        require(node.input_size(), proto.input_size(), "inputs");
        require(node.output_size(), proto.output_size(), "outputs");
        spend(function.nodes, function.bytes);
        import_operators(proto);

        Call call{node, function, unused(node.name().empty() ? node.op_type() : node.name(), prefixes_), {}};
        for (int i = 0; i < proto.input_size(); ++i)
            call.names[proto.input(i)] = i < node.input_size() ? node.input(i) : "";
        Nodes passed_on;  // outputs that are inputs, or listed twice
        for (int i = 0; i < node.output_size(); ++i) {
            if (node.output(i).empty() || call.names.emplace(proto.output(i), node.output(i)).second) continue;
            onnx::NodeProto& identity = *passed_on.Add();
            identity.set_op_type("Identity");
            identity.add_input(call.names.at(proto.output(i)));
            identity.add_output(node.output(i));
        }
        Nodes body = proto.node();
        for (onnx::NodeProto& inner : body) {
            rename_tensors(inner, [&](const std::string& name) { return renamed(name, call); });
            adapt(inner, call);
        }
        for (onnx::NodeProto& identity : passed_on) body.Add(std::move(identity));
        return body;
    }

    void import_operators(const onnx::FunctionProto& function) {
        for (const auto& import : function.opset_import()) {
            const auto& known = model_.opset_import();
            if (std::none_of(known.begin(), known.end(), [&](const auto& other) {
                    return standard_domain(other.domain()) == standard_domain(import.domain());
                }))
                *model_.add_opset_import() = import;
        }
    }

    std::string prefixed(const Call& call, const std::string& name) {
        spend(0, call.prefix.size() + name.size());
        return fmt::format("{}/{}", call.prefix, name);
    }

    std::string renamed(const std::string& name, Call& call) {
        auto found = call.names.find(name);
        if (found == call.names.end()) found = call.names.emplace(name, unused(prefixed(call, name), taken_)).first;
        return found->second;
    }

    /// To the caller's names of nodes, and attributes.
    void adapt(onnx::NodeProto& node, const Call& call) {
        for_each_subgraph(node, [&](onnx::GraphProto& graph) {
            for (onnx::NodeProto& inner : *graph.mutable_node()) adapt(inner, call);
        });
        if (!node.name().empty())
            node.set_name(prefixed(call, node.name()));
        else if (called(node) != nullptr)
            node.set_name(prefixed(call, node.op_type()));
        Attributes attributes;
        for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
            if (attribute.ref_attr_name().empty()) {
                attributes.Add(std::move(attribute));
                continue;
            }
            const onnx::AttributeProto* value = find(call.node.attribute(), attribute.ref_attr_name());
            if (value == nullptr) value = find(call.function.defaults, attribute.ref_attr_name());
            if (value == nullptr) continue;
            spend(0, value->ByteSizeLong());
            onnx::AttributeProto& given = *attributes.Add();
            given = *value;
            given.set_name(attribute.name());
        }
        node.mutable_attribute()->Swap(&attributes);
    }

    onnx::ModelProto& model_;
    std::map<std::pair<std::string, std::string>, std::map<std::string, Function>>
        functions_;                             ///< domain, name; overload
    std::unordered_set<std::string> taken_;     ///< tensors' names
    std::unordered_set<std::string> prefixes_;  ///< calls' names
    std::size_t nodes_left_ = most_nodes;
    std::size_t bytes_left_ = most_bytes;
    std::size_t depth_ = 0;
};

}  // namespace

void inline_functions(onnx::ModelProto& model) {
    if (model.functions_size() == 0) return;
    Inliner(model).run();
    // What is left over may be called from functions that stay, or from training graphs.
    const auto& functions = model.functions();
    const bool all_gone = std::none_of(functions.begin(), functions.end(), [](const onnx::FunctionProto& function) {
        return is_the_runtimes(function.domain());
    });
    if (all_gone && model.training_info_size() == 0) model.clear_functions();
}

}  // namespace locus::model
