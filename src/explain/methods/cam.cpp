#include "explain/methods/cam.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>

#include "explain/class_pass.hpp"
#include "explain/node_method.hpp"
#include "explain/target_layer.hpp"
#include "locus/error.hpp"
#include "model/cam_graph.hpp"
#include "model/finite.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/opset.hpp"
#include "model/shapes.hpp"
#include "text/nearest.hpp"
#include "text/quote.hpp"

namespace locus::explain {
namespace {

struct CamNetwork {
    Network network;  // without its weights: the session holds them
    model::CamTensors tensors;
    runtime::Session session;
    bool own_layer = true;  // the tensor that is pooled is the one explained
    GivenLayout layout;
};

/// Height and width of the map. A row of tokens is laid out as was said, else in the input's aspect ratio.
std::pair<std::int64_t, std::int64_t> map_size(const CamNetwork& cam, const Tensor& feature_shape,
                                               const Tensor& inputs) {
    const auto shape = feature_shape.to_int64s();
    if (shape.size() == 4) return {shape[2], shape[3]};
    const Network& network = cam.network;
    const std::int64_t positions = shape.back();
    if (cam.layout.grid) {
        const auto [rows, columns] = *cam.layout.grid;
        if (rows * columns == positions) return {rows, columns};
        throw Error(ErrorKind::usage,
                    fmt::format("a grid of {}x{} has {} positions, but the target layer {} has {}, all of which cam "
                                "pools",
                                rows, columns, rows * columns, text::quote(network.head.target_layer), positions));
    }
    const bool last = network.preprocessing.layout == Layout::nhwc;
    const double aspect =
        static_cast<double>(inputs.shape()[last ? 1 : 2]) / static_cast<double>(inputs.shape()[last ? 2 : 3]);
    const auto height = static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(positions) * aspect)));
    if (height == 0 || positions % height != 0) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("the {} positions of the target layer {} are not the rows and columns of a map: "
                                "--grid ROWSxCOLUMNS says how they lie",
                                positions, text::quote(network.head.target_layer)));
    }
    return {height, positions / height};
}

/// For passes of `inputs`: of as many items as the graph takes, or all.
std::vector<runtime::Feed> class_feeds(const CamNetwork& cam, const Tensor& inputs, const ClassSelection& classes) {
    const std::int64_t items = cam.network.fixed_batch.value_or(inputs.shape().at(0));
    const auto asked = static_cast<std::int64_t>(classes.indices.size());
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < items; ++i) rows.insert(rows.end(), classes.indices.begin(), classes.indices.end());
    return {{cam.tensors.top_k, Tensor::of<std::int64_t>({1}, {classes.top_k})},
            {cam.tensors.classes, Tensor::of<std::int64_t>({items, asked}, std::span<const std::int64_t>(rows))}};
}

Attribution run(const CamNetwork& cam, const Tensor& inputs, const ClassSelection& classes) {
    std::vector<std::string> outputs{cam.tensors.logits, cam.tensors.class_indices, cam.tensors.maps,
                                     cam.tensors.feature_shape};
    for (const std::string* optional : {&cam.tensors.bias, &cam.tensors.weights, &cam.tensors.features}) {
        if (!optional->empty()) outputs.push_back(*optional);
    }
    auto results = run_in_batches(cam.network, cam.session, inputs, class_feeds(cam, inputs, classes), outputs,
                                  {cam.tensors.feature_shape});

    Attribution attribution;
    attribution.logits = results[0];
    attribution.class_indices = results[1];
    const auto [height, width] = map_size(cam, results[3], inputs);
    attribution.maps = results[2].reshaped({results[2].shape()[0], results[2].shape()[1], height, width});
    std::size_t next = 4;
    const model::ClassifierHead& head = cam.network.head;
    const bool adds_up = cam.own_layer && (head.kind == model::HeadKind::class_pool || head.pool != model::Pool::max);
    if (!cam.tensors.bias.empty()) {
        Tensor bias = results[next++];
        if (adds_up) attribution.bias = std::move(bias);
    } else if (adds_up) {
        attribution.bias = Tensor(DataType::float32, attribution.class_indices.shape());  // zeros
    }
    if (!cam.tensors.weights.empty()) attribution.weights = results[next++];
    if (!cam.tensors.features.empty()) attribution.features = results[next++];
    return attribution;
}

double pooled(std::span<const float> values, model::Pool pool) {
    if (pool == model::Pool::max) return *std::max_element(values.begin(), values.end());
    const double sum = std::accumulate(values.begin(), values.end(), 0.0);
    return pool == model::Pool::sum ? sum : sum / static_cast<double>(values.size());
}

/// What the head's structure says the best class's logit is. Where the map does not add up to the logit (max pooling
/// over a linear layer; a layer before the pooled one) the weights on the pooled features do.
double predicted_logit(const CamNetwork& cam, const Tensor& input, const Attribution& a) {
    const model::ClassifierHead& head = cam.network.head;
    if (a.bias) return pooled(a.maps.values<float>(), head.pool) + a.bias->values<float>()[0];

    std::vector<std::string> outputs{cam.tensors.weights, cam.tensors.pooled};
    if (!cam.tensors.bias.empty()) outputs.push_back(cam.tensors.bias);
    const auto results =
        run_in_batches(cam.network, cam.session, input, class_feeds(cam, input, {.top_k = 1}), outputs);
    const auto weights = results[0].values<float>();  // for a channel a class: 1 at the class's own
    const auto features = results[1].values<float>();
    if (features.size() < weights.size()) return std::nan("");
    const double bias = outputs.size() == 3 ? results[2].values<float>()[0] : 0.0;
    return std::inner_product(weights.begin(), weights.end(), features.begin(), bias);
}

/// Where numbers that are not finite may come from: what was fed, else a weight. Empty where neither holds any.
std::string source_of_infinity(const Network& network, const model::Graph& graph) {
    for (const std::string& input : network.fed) {
        const Tensor* value = graph.find_constant(input);
        if (value != nullptr && !model::is_finite(*value))
            return fmt::format(": the value that its input {} is fed holds infinity", text::quote(input));
    }
    const std::string weight = model::find_non_finite(graph);
    return weight.empty() ? "" : fmt::format(": its weight {} holds NaN or infinity", text::quote(weight));
}

/// The structure promises pool(map) + bias = logit; numbers must keep the promise before anyone is shown a map. Returns
/// the number of classes.
std::int64_t verify(const CamNetwork& cam, const model::Graph& graph) {
    const Network& network = cam.network;
    const Tensor input = random_input(network, 1, 0);
    const Attribution a = run(cam, input, {.top_k = 1});
    const auto logits = a.logits.values<float>();
    if (!std::all_of(logits.begin(), logits.end(), [](float value) { return std::isfinite(value); })) {
        throw Error(ErrorKind::model,
                    fmt::format("{} computes scores that are not finite numbers from a random input{}",
                                network.file.string(), source_of_infinity(network, graph)));
    }
    double scale = 1e-6;
    for (const float value : logits) scale = std::max(scale, static_cast<double>(std::abs(value)));
    const double logit = logits[static_cast<std::size_t>(a.class_indices.values<std::int64_t>()[0])];
    const double predicted = predicted_logit(cam, input, a);
    const double tolerance = network.head.quantized ? 0.05 : network.input_type == DataType::float16 ? 0.01 : 1e-3;
    if (!(std::abs(predicted - logit) <= tolerance * scale)) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format("cam does not apply: the head looks like a {} pool and a linear layer behind {}, but "
                        "on a random input "
                        "they make {:.6g} where the logit is {:.6g}",
                        model::name(network.head.pool), text::quote(network.head.target_layer), predicted, logit));
    }
    return a.logits.shape()[1];
}

/// Why the head's pool is none over the whole map, by the shapes of what it reads and makes. Empty where it is, and
/// where shapes do not tell: then the verification does.
std::string pool_obstacle(const Network& network) {
    const model::ClassifierHead& head = network.head;
    const model::Index index(network.model.graph);
    const model::Node* pool = index.producer(head.pooled);
    std::optional<model::Shapes> shapes;
    try {
        shapes.emplace(model::infer_shapes(network.model,
                                           {{network.input, input_shape(network, network.fixed_batch.value_or(-1))}}));
        if (!shapes->contains(head.target_layer) || !shapes->contains(head.pooled))
            shapes.emplace(network_shapes(network, network.model));  // by a run, where operators are not known
    } catch (const Error&) {
        return {};  // what is wrong is said where shapes are needed
    }
    if (pool == nullptr || !shapes->contains(head.target_layer) || !shapes->contains(head.pooled)) return {};
    const Shape map = shapes->shape(head.target_layer), pooled = shapes->shape(head.pooled);
    const auto channel_axis = head.layout == model::FeatureLayout::channels_first ? 1 : map.size() - 1;
    if (map.size() < 3 || pooled.size() < 2) return "the pool reads a tensor without positions";
    const auto is_open = [](std::int64_t size) { return size < 0; };
    if (std::any_of(map.begin() + 1, map.end(), is_open) || std::any_of(pooled.begin() + 1, pooled.end(), is_open))
        return {};
    if (std::find(map.begin() + 1, map.end(), 0) != map.end()) return "the pool before the scores reads an empty map";
    const std::int64_t values = std::accumulate(pooled.begin() + 1, pooled.end(), std::int64_t{1}, std::multiplies<>());
    const std::int64_t positions =
        std::accumulate(map.begin() + 1, map.end(), std::int64_t{1}, std::multiplies<>()) / map[channel_axis];
    if (positions == 1)
        return fmt::format(
            "the pool before the scores, {}, reads a map of one position, {}, which says nothing of "
            "where",
            pool->description(), text::quote(head.target_layer));
    // Reductions may go over positions that were laid in one row; their axes were read with the head.
    const bool by_windows = pool->is("AveragePool") || pool->is("MaxPool");
    const bool all_positions = !by_windows || !model::fully_pooled_axes(network.model.graph, *pool, map).empty();
    if (values == map[channel_axis] && all_positions) return {};
    return fmt::format("the pool before the scores, {}, does not see the whole map {} of shape {}", pool->description(),
                       text::quote(head.target_layer), to_string(map));
}

/// CAM weighs channels, so a layer will do whose channels reach the pool one by one: before an activation, a
/// normalisation.
void require_before_pool(const Network& network, const std::string& layer) {
    static const auto by_channel = {"Relu",     "LeakyRelu",   "PRelu",     "Elu",     "Selu", "Clip",
                                    "Sigmoid",  "HardSigmoid", "HardSwish", "Mish",    "Gelu", "Tanh",
                                    "Softplus", "Mul",         "Identity",  "Dropout", "Cast", "BatchNormalization"};
    const model::Index index(network.model.graph);
    if (!index.contains(layer)) {
        throw Error(ErrorKind::usage, fmt::format("the model has no tensor {}{}", text::quote(layer),
                                                  text::did_you_mean(layer, index.nearest_names(layer))));
    }
    std::vector<std::string> waiting{network.head.target_layer};
    std::unordered_set<std::string> seen;
    while (!waiting.empty()) {
        const std::string tensor = waiting.back();
        waiting.pop_back();
        if (tensor == layer) return;
        const model::Node* node = index.producer(tensor);
        if (node == nullptr || !seen.insert(tensor).second) continue;
        if (std::none_of(by_channel.begin(), by_channel.end(), [&](const char* type) { return node->is(type); }))
            continue;
        waiting.push_back(node->input(0));
        if (node->is("Mul")) waiting.push_back(node->input(1));
    }
    throw Error(ErrorKind::usage, fmt::format("cam is defined at the layer that is pooled, {}, and at those whose "
                                              "channels reach it one by one, which {} is not; "
                                              "gradient methods take any layer",
                                              text::quote(network.head.target_layer), text::quote(layer)));
}

/// The head says how its layer lies, but for the rows and columns of tokens.
void require_own_layout(const Network& network, const GivenLayout& given) {
    const bool tokens = network.head.layout == model::FeatureLayout::tokens;
    if (given.grid && !tokens) {
        throw Error(ErrorKind::usage,
                    "--grid says how tokens lie on the image, but cam's layer here is a map with rows and columns of "
                    "its own");
    }
    const bool last = network.head.layout != model::FeatureLayout::channels_first;
    if (given.channels_last.value_or(last) != last) {
        throw Error(ErrorKind::usage,
                    fmt::format("--channels {} contradicts the head: it pools a layer whose channels stand {}",
                                last ? "first" : "last", last ? "last" : "first"));
    }
}

}  // namespace

std::string cam_obstacle(const Network& network) {
    return network.head.kind == model::HeadKind::other ? network.head.reason : pool_obstacle(network);
}

Prepared prepare_cam(const Network& network, const MethodOptions& options) {
    if (const std::string obstacle = cam_obstacle(network); !obstacle.empty()) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("cam needs a global pool and one linear layer before the scores, but {}; "
                                "--method {} works on this model",
                                obstacle, automatic_method(network).name));
    }
    // The linear layer's weights are the logit's gradient; of another number, or smoothed, the map is written as a
    // formula of that gradient.
    if (options.target.kind != TargetKind::logit || options.eigen_smooth) {
        return prepare_plan(network, node_plan(options, cam_nodes, MapOf::layer));
    }
    require_own_layout(network, options.layout);
    const bool own_layer = options.layer.empty() || options.layer == network.head.target_layer;
    if (!own_layer) require_before_pool(network, options.layer);
    model::Model model = network.model;
    if (model.opset() < 10) model::raise_opset(model);
    const model::CamTensors tensors =
        model::add_cam(model, network.head, {.layer = own_layer ? "" : options.layer, .expose_parts = options.parts});
    auto cam = std::make_shared<CamNetwork>(CamNetwork{
        without_graph(network), tensors, runtime::Session(model, network.session), own_layer, options.layout});

    Prepared prepared;
    prepared.has_parts = options.parts;
    prepared.classes = verify(*cam, network.model.graph);
    prepared.target_layer = own_layer ? network.head.target_layer : options.layer;
    prepared.explain = [cam](const Tensor& inputs, const ClassSelection& classes) {
        return run(*cam, inputs, classes);
    };
    return prepared;
}

}  // namespace locus::explain
