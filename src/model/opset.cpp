#include "model/opset.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/shapes.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

struct Raising {
    std::int64_t from;                                       ///< the model's opset
    NodeWriter& write;                                       ///< for names and constants
    const std::unordered_map<std::string, DataType>& types;  ///< of the data of Clip and Pad, by their outputs
    std::vector<Node>& nodes;                                ///< the new graph's nodes, in order

    std::string ints(Ints values) { return write.constant(std::move(values)); }
    /// A number of the type of the node's data.
    std::string number(const Node& node, float value) {
        return write.constant(Tensor::scalar(value).to(types.at(node.output(0))));
    }
    std::string fresh(const Node& node) { return write.fresh_name(node.op_type); }
    std::string emit(const std::string& op_type, std::vector<std::string> inputs,
                     std::map<std::string, Attribute> attributes = {}) {
        Node node;
        node.op_type = op_type;
        node.inputs = std::move(inputs);
        node.outputs = {write.fresh_name(op_type)};
        node.attributes = std::move(attributes);
        nodes.push_back(node);
        return nodes.back().outputs[0];
    }
};

[[noreturn]] void unsupported(const Raising& raising, const Node& node, const std::string& why) {
    throw Error(ErrorKind::unsupported, fmt::format("{} ({}) cannot be raised from opset {} to {}: {}",
                                                    node.description(), node.op_type, raising.from, raised_opset, why));
}

/// Each rule changes the node in place to its new form (and may emit others before it); the node is then appended.
using Rule = void (*)(Raising&, Node&);

void set_input(Node& node, std::size_t i, std::string name) {
    if (node.inputs.size() <= i) node.inputs.resize(i + 1);
    node.inputs[i] = std::move(name);
}

/// The attribute `axes`, an input since 13 (ReduceMean and its like: since 18 only, so they are left).
void axes_to_input(Raising& raising, Node& node) {
    if (raising.from >= 13 || !node.has("axes")) return;
    set_input(node, 1, raising.ints(node.ints_or("axes", {})));
    node.attributes.erase("axes");
}

void split(Raising& raising, Node& node) {
    if (raising.from >= 13 || !node.has("split")) return;
    set_input(node, 1, raising.ints(node.ints_or("split", {})));
    node.attributes.erase("split");
}

void clip(Raising& raising, Node& node) {
    if (raising.from >= 11) return;
    if (node.has("min")) set_input(node, 1, raising.number(node, node.float_or("min", 0)));
    if (node.has("max")) set_input(node, 2, raising.number(node, node.float_or("max", 0)));
    node.attributes.erase("min");
    node.attributes.erase("max");
}

/// The ratio matters in training only.
void dropout(Raising& raising, Node& node) {
    if (raising.from >= 12) return;
    node.attributes.clear();
    if (node.outputs.size() > 1 && raising.from < 10) node.outputs.resize(1);
}

void batch_normalization(Raising& raising, Node& node) {
    if (raising.from < 9 && node.int_or("spatial", 1) == 0)
        unsupported(raising, node, "it normalizes every position by itself");
    node.attributes.erase("spatial");
    if (raising.from >= 14) return;
    if (node.outputs.size() > 1 &&
        std::any_of(node.outputs.begin() + 1, node.outputs.end(), [](const auto& name) { return !name.empty(); })) {
        unsupported(raising, node, "it is in training mode");
    }
    node.outputs.resize(1);
}

void slice(Raising& raising, Node& node) {
    if (raising.from >= 10) return;
    set_input(node, 1, raising.ints(node.ints_or("starts", {})));
    set_input(node, 2, raising.ints(node.ints_or("ends", {})));
    if (node.has("axes")) set_input(node, 3, raising.ints(node.ints_or("axes", {})));
    for (const auto* key : {"starts", "ends", "axes"}) node.attributes.erase(key);
}

void pad(Raising& raising, Node& node) {
    if (raising.from >= 11) return;
    set_input(node, 1, raising.ints(node.ints_or("pads", {})));
    if (node.has("value")) set_input(node, 2, raising.number(node, node.float_or("value", 0)));
    node.attributes.erase("pads");
    node.attributes.erase("value");
}

void top_k(Raising& raising, Node& node) {
    if (raising.from >= 10) return;
    set_input(node, 1, raising.ints({node.int_or("k", 1)}));
    node.attributes.erase("k");
}

/// Resize of opset 10 and Upsample: output pixel i shows input pixel floor(i / scale).
void resize(Raising& raising, Node& node) {
    if (node.op_type == "Resize" && raising.from >= 11) return;
    std::string scales;
    if (node.op_type == "Upsample" && raising.from < 9) {
        if (!node.has("scales")) unsupported(raising, node, "it has no scales");
        const std::vector<float> values = node.floats_or("scales", {});
        scales = raising.write.constant(
            Tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<const float>(values)));
    } else {
        scales = node.input(1);
    }
    const auto mode = node.string_or("mode", "nearest");
    node.op_type = "Resize";
    node.inputs = {node.input(0), "", scales};
    node.attributes = {{"mode", mode == "bilinear" ? std::string("linear") : mode},
                       {"coordinate_transformation_mode", std::string("asymmetric")}};
    if (mode == "nearest") node.attributes["nearest_mode"] = std::string("floor");
}

void scatter(Raising&, Node& node) { node.op_type = "ScatterElements"; }

/// Before 13, all axes from `axis` on were one.
void softmax(Raising& raising, Node& node) {
    if (raising.from >= 13) return;
    const auto axis = node.int_or("axis", 1);
    if (axis == -1) return;
    const auto input = node.input(0), output = node.output(0);
    Node computed = node;
    computed.inputs = {raising.emit("Flatten", {input}, {{"axis", axis}})};
    computed.outputs = {raising.fresh(node)};
    computed.attributes["axis"] = std::int64_t{-1};
    raising.nodes.push_back(computed);
    const auto shape = raising.emit("Shape", {input});
    node.op_type = "Reshape";
    node.inputs = {computed.outputs[0], shape};
    node.attributes.clear();
    node.name += node.name.empty() ? "" : "/shape";
}

/// The default of its coordinates changed.
void roi_align(Raising& raising, Node& node) {
    if (raising.from < 16 && !node.has("coordinate_transformation_mode")) {
        node.attributes["coordinate_transformation_mode"] = std::string("output_half_pixel");
    }
}

const std::unordered_map<std::string, Rule>& rules() {
    static const std::unordered_map<std::string, Rule> table{
        {"BatchNormalization", batch_normalization},
        {"Clip", clip},
        {"Dropout", dropout},
        {"Hardmax", softmax},
        {"LogSoftmax", softmax},
        {"Pad", pad},
        {"ReduceSum", axes_to_input},
        {"Resize", resize},
        {"RoiAlign", roi_align},
        {"Scatter", scatter},
        {"Slice", slice},
        {"Softmax", softmax},
        {"Split", split},
        {"Squeeze", axes_to_input},
        {"TopK", top_k},
        {"Unsqueeze", axes_to_input},
        {"Upsample", resize},
    };
    return table;
}

/// Bodies of If, Loop and Scan are carried through as they are: they may hold nothing that is written in another way
/// since.
void require_bodies_that_stay(const Raising& raising, const Node& node) {
    static const std::unordered_map<std::string, std::int64_t> changed_in{
        {"Clip", 11},      {"Dropout", 12}, {"Hardmax", 13},   {"LogSoftmax", 13}, {"Pad", 11},
        {"ReduceSum", 13}, {"Resize", 11},  {"Slice", 10},     {"Softmax", 13},    {"Split", 13},
        {"TopK", 10},      {"Squeeze", 13}, {"Unsqueeze", 13}, {"Upsample", 10}};
    for (const auto& [name, attribute] : node.attributes) {
        const auto* body = std::get_if<Opaque>(&attribute);
        if (body == nullptr) continue;
        for (const std::string& op_type : body->operators) {
            const auto found = changed_in.find(op_type);
            if (found == changed_in.end() || raising.from >= found->second) continue;
            unsupported(raising, node,
                        fmt::format("its body holds {}, whose form changed; export with opset {} or later", op_type,
                                    found->second));
        }
    }
}

/// The type of what a node reads first, where constants of half precision tell that it may not be float32.
DataType data_type(const Model& model, const Node& node) {
    const auto& constants = model.graph.initializers;
    if (std::none_of(constants.begin(), constants.end(),
                     [](const auto& constant) { return constant.second.type() == DataType::float16; }))
        return DataType::float32;
    std::map<std::string, Shape> inputs;
    for (const ValueInfo& input : model.graph.inputs) {
        if (!input.shape) continue;
        constexpr std::int64_t any = 224;  // types do not depend on it
        Shape& shape = inputs[input.name];
        for (const Dimension& size : *input.shape) shape.push_back(size.value.value_or(shape.empty() ? -1 : any));
    }
    try {
        const Shapes shapes = infer_shapes(model, inputs);
        return shapes.contains(node.input(0)) ? shapes.type(node.input(0)) : DataType::float32;
    } catch (const Error&) {
        return DataType::float32;
    }
}

}  // namespace

void raise_opset(Model& model) {
    const auto from = model.opset();
    if (from >= raised_opset) return;
    if (from < 7) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("the model's opset is {}; 7 is the oldest that can be read", from));
    }
    NodeWriter write(model.graph, fmt::format("opset{}", raised_opset));  // made while all names are there
    std::unordered_map<std::string, DataType> types;                      // of what Clip and Pad read, by their outputs
    for (const Node& node : model.graph.nodes) {
        if (from < 11 && (node.is("Clip") || node.is("Pad"))) types[node.output(0)] = data_type(model, node);
    }
    std::vector<Node> old = std::move(model.graph.nodes);
    model.graph.nodes.clear();
    std::vector<Node> raised;
    Raising raising{from, write, types, raised};
    for (Node& node : old) {
        require_bodies_that_stay(raising, node);
        if (node.domain.empty()) {
            if (const auto rule = rules().find(node.op_type); rule != rules().end()) rule->second(raising, node);
        }
        raised.push_back(std::move(node));
    }
    model.graph.nodes = std::move(raised);
    model.opsets[""] = raised_opset;
    model.ir_version = std::max<std::int64_t>(model.ir_version, 8);
}

}  // namespace locus::model
