#include "model/cam_graph.hpp"

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

void expose(Graph& graph, const std::string& tensor, DataType type) {
    graph.outputs.push_back({.name = tensor, .type = type, .shape = std::nullopt});
}

/// The tensor under a name of ours: an output may not be a graph input or stand in the list twice.
std::string named(NodeWriter& write, const std::string& tensor, const std::string& name) {
    write.graph().nodes.push_back({.op_type = "Identity", .inputs = {tensor}, .outputs = {name}, .name = name});
    return name;
}

std::string as_float(NodeWriter& write, const std::string& tensor) {
    return write.node("Cast", {tensor}, {{"to", std::int64_t{static_cast<int>(DataType::float32)}}});
}

/// [n, K, positions], float32.
std::string features_first(NodeWriter& write, const ClassifierHead& head, const std::string& layer) {
    std::string features = as_float(write, layer);
    if (head.layout == FeatureLayout::tokens) return write.node("Transpose", {features}, {{"perm", Ints{0, 2, 1}}});
    if (head.layout == FeatureLayout::channels_last) {
        features = write.node("Transpose", {features}, {{"perm", Ints{0, 3, 1, 2}}});
    }
    return features;
}

/// Rows of the weight for the asked classes: [n, m, K].
std::string class_weights(NodeWriter& write, const ClassifierHead& head, const std::string& indices) {
    std::string weight = as_float(write, head.weight);
    const Tensor* stored = write.graph().find_constant(head.weight);
    if (head.weight_form == WeightForm::class_columns) {
        weight = write.node("Transpose", {weight}, {{"perm", Ints{1, 0}}});
    } else if (stored == nullptr || stored->rank() != 2) {
        weight = write.node("Flatten", {weight}, {{"axis", std::int64_t{1}}});
    }
    std::string rows = write.node("Gather", {weight, indices}, {{"axis", std::int64_t{0}}});
    if (head.scale != 1.0F) rows = write.node("Mul", {rows, write.constant(Tensor::scalar(head.scale))});
    return rows;
}

/// One row a class, 1 at the class's own channel: [n, m, classes].
std::string one_hot_weights(NodeWriter& write, const std::string& features, const std::string& indices) {
    const std::string shape = write.node("Shape", {features});
    const std::string depth = write.node("Gather", {shape, write.constant(Ints{1})}, {{"axis", std::int64_t{0}}});
    const std::string values = write.constant(Tensor::of<float>({2}, {0.0F, 1.0F}));
    return write.node("OneHot", {indices, depth, values}, {{"axis", std::int64_t{-1}}});
}

}  // namespace

CamTensors add_cam(Model& model, const ClassifierHead& head, const CamOptions& options) {
    if (head.kind == HeadKind::other) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("cam needs a global pool and one linear layer before the scores: {}", head.reason));
    }
    Graph& graph = model.graph;
    NodeWriter write(graph, "locus");
    CamTensors cam;
    cam.top_k = write.fresh_name("top_k");
    cam.classes = write.fresh_name("classes");
    graph.inputs.push_back({.name = cam.top_k, .type = DataType::int64, .shape = std::vector<Dimension>{{.value = 1}}});
    graph.inputs.push_back(
        {.name = cam.classes, .type = DataType::int64, .shape = std::vector<Dimension>{{.symbol = "asked_classes"}}});

    graph.outputs.clear();
    const auto output = [&](const std::string& tensor, const char* stem, DataType type) {
        const std::string name = named(write, tensor, write.fresh_name(stem));
        expose(graph, name, type);
        return name;
    };

    const std::string logits = write.node("Flatten", {as_float(write, head.logits)}, {{"axis", std::int64_t{1}}});
    cam.logits = output(logits, "logits", DataType::float32);

    // class_indices [n, m] = the best ones, then those asked for by index.
    const std::string best = write.node_with_outputs("TopK", {logits, cam.top_k}, 2, {{"axis", std::int64_t{1}}})[1];
    const std::string batch =
        write.node("Gather", {write.node("Shape", {logits}), write.constant(Ints{0})}, {{"axis", std::int64_t{0}}});
    const std::string asked_shape =
        write.node("Concat", {batch, write.node("Shape", {cam.classes})}, {{"axis", std::int64_t{0}}});
    const std::string asked = write.node("Expand", {cam.classes, asked_shape});
    const std::string indices = write.node("Concat", {best, asked}, {{"axis", std::int64_t{1}}});
    cam.class_indices = output(indices, "class_indices", DataType::int64);

    const std::string shaped = features_first(write, head, options.layer.empty() ? head.target_layer : options.layer);
    cam.feature_shape = output(write.node("Shape", {shaped}), "feature_shape", DataType::int64);
    const std::string features =
        head.layout == FeatureLayout::tokens ? shaped : write.node("Reshape", {shaped, write.constant(Ints{0, 0, -1})});
    const std::string weights = head.kind == HeadKind::class_pool ? one_hot_weights(write, shaped, indices)
                                                                  : class_weights(write, head, indices);
    cam.maps = output(write.node("MatMul", {weights, features}), "maps", DataType::float32);

    if (head.kind == HeadKind::pool_linear && !head.bias.empty()) {
        const std::string flat = write.node("Reshape", {as_float(write, head.bias), write.constant(Ints{-1})});
        std::string bias = write.node("Gather", {flat, indices}, {{"axis", std::int64_t{0}}});
        if (head.bias_scale != 1.0F) bias = write.node("Mul", {bias, write.constant(Tensor::scalar(head.bias_scale))});
        cam.bias = output(bias, "bias", DataType::float32);
    }
    const bool adds_up = head.pool != Pool::max && options.layer.empty();
    if (!adds_up || options.expose_parts) cam.weights = output(weights, "weights", DataType::float32);
    if (!adds_up) cam.pooled = output(as_float(write, head.pooled), "pooled", DataType::float32);
    if (options.expose_parts) cam.features = output(features, "features", DataType::float32);
    remove_unused(graph);
    return cam;
}

}  // namespace locus::model
