#include "explain/input_scores.hpp"

#include <algorithm>

#include "explain/batches.hpp"
#include "explain/class_pass.hpp"
#include "explain/map_graph.hpp"
#include "explain/scores.hpp"
#include "explain/target_score.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::explain {

InputScores::InputScores(const Network& network, const MethodOptions& options, bool with_layer) : options_(options) {
    MapGraph graph(network, options, with_layer ? MapOf::layer : MapOf::input);
    network_ = without_graph(graph.network());
    classes_ = graph.classes();
    logits_ = graph.emit().node("Identity", {graph.logits()}).name();
    model::Model& model = graph.model();
    model.graph.outputs = {{.name = logits_, .type = DataType::float32, .shape = std::nullopt}};
    if (with_layer) {
        if (graph.layers().size() != 1)
            throw Error(ErrorKind::usage, "this method takes one layer; gradient methods take several");
        layer_ = graph.layers().front();
        features_ = graph.emit().node("Identity", {graph.features(0)}).name();
        model.graph.outputs.push_back({.name = features_, .type = DataType::float32, .shape = std::nullopt});
    }
    model::remove_unused(model.graph);
    session_.emplace(model, network.session);
    const auto values = static_cast<std::size_t>(element_count(input_shape(network, 1)));
    batch_ = network_.fixed_batch.value_or(
        std::min<std::int64_t>(batch_size(values * sizeof(float), options.memory_limit), 16));
}

Tensor InputScores::run(const Tensor& inputs) const {
    require_input_size(network_, inputs);
    return run_in_passes(*session_, {{network_.input, inputs}}, {}, {logits_}, batch_,
                         network_.fixed_batch.has_value())[0];
}

InputScores::WithFeatures InputScores::run_with_features(const Tensor& inputs) const {
    require_input_size(network_, inputs);
    auto out = run_in_passes(*session_, {{network_.input, inputs}}, {}, {logits_, features_}, batch_,
                             network_.fixed_batch.has_value());
    return {out[0], out[1]};
}

double InputScores::score(std::span<const float> logits, std::int64_t index) const {
    return explain::score(options_.target, logits, index, network_.head.activation);
}

void adjust_to_probability(const Network&, MethodOptions& options) {
    if (!options.target.chosen) options.target.kind = TargetKind::probability;
}

namespace {

/// What black becomes in preprocessing, by channel.
float black(const Network& network, std::size_t channel) {
    const auto& p = network.preprocessing;
    if (network.input_type == DataType::uint8 || p.color == ColorOrder::other) return 0;  // no mean is known of these
    return -p.mean[channel] / p.std[channel] * p.range;
}

}  // namespace

Tensor masked_inputs(const Network& network, const Tensor& input, const Tensor& masks, bool pixels) {
    const auto copies = static_cast<std::size_t>(masks.shape()[0]);
    const auto size = static_cast<std::size_t>(masks.shape()[1] * masks.shape()[2]);
    const Tensor values = input.to_float32();
    const auto source = values.values<float>();
    const std::size_t channels = source.size() / size;
    Shape shape = input.shape();
    shape[0] = masks.shape()[0];
    Tensor result(DataType::float32, shape);
    float* target = result.mutable_values<float>().data();
    const bool last = network.preprocessing.layout == Layout::nhwc;
    for (std::size_t i = 0; i < copies; ++i) {
        const float* mask = masks.values<float>().data() + i * size;
        for (std::size_t c = 0; c < channels; ++c) {
            const float floor = pixels ? black(network, c) : 0.0F;
            const std::size_t step = last ? channels : 1, begin = last ? c : c * size;
            const float* from = source.data() + begin;
            float* to = target + i * source.size() + begin;
            for (std::size_t p = 0; p < size; ++p) to[p * step] = floor + mask[p] * (from[p * step] - floor);
        }
    }
    return network.input_type == DataType::float32 ? result : result.to(network.input_type);
}

}  // namespace locus::explain
