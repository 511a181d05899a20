#include "model/cam_graph.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

void expose(Graph& graph, const std::string& tensor, DataType type) {
    graph.outputs.push_back({.name = tensor, .type = type, .shape = std::nullopt});
}

/// Whether a tensor is float32 and has two dimensions for certain: as what a Gemm with such weights makes.
bool is_float_matrix(const Graph& graph, const std::string& tensor) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
        if (!node.is("Gemm") || node.output(0) != tensor) return false;
        const Tensor* weight = graph.find_constant(node.input(1));
        return weight != nullptr && weight->type() == DataType::float32;
    });
}

/// [n, K, positions], float32.
std::string features_first(NodeWriter& write, const ClassifierHead& head, const std::string& layer) {
    std::string features = write.cast(layer, DataType::float32);
    if (head.layout == FeatureLayout::tokens) return write.node("Transpose", {features}, {{"perm", Ints{0, 2, 1}}});
    if (head.layout == FeatureLayout::channels_last) {
        features = write.node("Transpose", {features}, {{"perm", Ints{0, 3, 1, 2}}});
    }
    return features;
}

/// Rows of the weight for the asked classes: [n, m, K].
std::string class_weights(NodeWriter& write, const ClassifierHead& head, const std::string& indices) {
    std::string weight = write.cast(head.weight, DataType::float32);
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

CamTensors add_cam(Model& model, const ClassifierHead& found, const CamOptions& options) {
    ClassifierHead head = found;
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
    graph.inputs.push_back({.name = cam.classes,
                            .type = DataType::int64,
                            .shape = std::vector<Dimension>{{.symbol = "asked_items"}, {.symbol = "asked_classes"}}});

    if (head.chain) {
        const ChainWeights weights = write_weights(write, *head.chain);
        head.weight = weights.weight;
        head.weight_form = WeightForm::class_columns;
        head.bias = weights.bias;
    }

    // Each node costs some microseconds, of which a small network's pass has few: there are no more than it takes.
    graph.outputs.clear();
    cam.logits = is_float_matrix(graph, head.logits)
                     ? head.logits
                     : write.node("Flatten", {write.cast(head.logits, DataType::float32)}, {{"axis", std::int64_t{1}}});
    expose(graph, cam.logits, DataType::float32);

    // [n, m]: the best ones, then those asked for by index.
    const std::string best =
        write.node_with_outputs("TopK", {cam.logits, cam.top_k}, 2, {{"axis", std::int64_t{1}}})[1];
    cam.class_indices = write.node("Concat", {best, cam.classes}, {{"axis", std::int64_t{1}}});
    expose(graph, cam.class_indices, DataType::int64);

    const std::string shaped = features_first(write, head, options.layer.empty() ? head.target_layer : options.layer);
    cam.feature_shape = write.node("Shape", {shaped});
    expose(graph, cam.feature_shape, DataType::int64);
    const std::string features =
        head.layout == FeatureLayout::tokens ? shaped : write.node("Reshape", {shaped, write.constant(Ints{0, 0, -1})});
    const std::string weights = head.kind == HeadKind::class_pool ? one_hot_weights(write, shaped, cam.class_indices)
                                                                  : class_weights(write, head, cam.class_indices);
    cam.maps = write.node("MatMul", {weights, features});
    expose(graph, cam.maps, DataType::float32);

    if (head.kind == HeadKind::pool_linear && !head.bias.empty()) {
        const std::string flat =
            write.node("Reshape", {write.cast(head.bias, DataType::float32), write.constant(Ints{-1})});
        const Tensor* known = graph.find_constant(head.bias);
        cam.bias = known != nullptr && known->size() == 1
                       ? write.node("Expand", {flat, write.node("Shape", {cam.class_indices})})  // one for all classes
                       : write.node("Gather", {flat, cam.class_indices}, {{"axis", std::int64_t{0}}});
        if (head.bias_scale != 1.0F)
            cam.bias = write.node("Mul", {cam.bias, write.constant(Tensor::scalar(head.bias_scale))});
        expose(graph, cam.bias, DataType::float32);
    }
    const bool adds_up = head.pool != Pool::max && options.layer.empty();
    if (!adds_up || options.expose_parts) expose(graph, cam.weights = weights, DataType::float32);
    if (!adds_up) expose(graph, cam.pooled = write.cast(head.pooled, DataType::float32), DataType::float32);
    if (options.expose_parts) expose(graph, cam.features = features, DataType::float32);
    remove_unused(graph);
    return cam;
}

}  // namespace locus::model
