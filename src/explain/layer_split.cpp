#include "explain/layer_split.hpp"

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/class_pass.hpp"
#include "explain/pool_behind.hpp"
#include "locus/error.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::explain {
namespace {

model::ValueInfo float_output(const std::string& name) {
    return {.name = name, .type = DataType::float32, .shape = std::nullopt};
}

}  // namespace

LayerSplit::LayerSplit(const Network& network, const MethodOptions& options) : options_(options) {
    MapGraph graph(network, options);
    if (graph.layers().size() != 1)
        throw Error(ErrorKind::usage, "this method takes one layer; gradient methods take several");
    layer_ = graph.layers().front();
    classes_ = graph.classes();
    network_ = without_graph(graph.network());
    model::Model& model = graph.model();
    feature_type_ = graph.shapes().type(layer_.tensor);
    const PoolBehind behind = pool_behind(model.graph, graph.shapes(), layer_);

    logits_ = graph.emit().node("Identity", {graph.logits()}).name();
    features_ =
        graph.emit().node("Identity", {model::cast(graph.emit().value(layer_.tensor), DataType::float32)}).name();
    model.graph.outputs = {float_output(logits_), float_output(features_)};
    model::remove_unused(model.graph);
    trunk_.emplace(model, network.session);

    const auto part_from = [&](const std::string& tensor) {
        model::Model part = model;
        part.graph.value_infos.push_back(declared(graph.shapes(), tensor));
        part.graph = model::extract(part.graph, {tensor}, {logits_});
        return part;
    };
    const model::Model head = part_from(layer_.tensor);
    head_needs_image_ = head.graph.find_input(network.input) != nullptr;
    head_.emplace(head, network.session);
    if (behind.pool != model::Pool::none && !head_needs_image_ && feature_type_ == DataType::float32) {
        pool_ = behind.pool;
        pooled_input_ = behind.tensor;
        pooled_shape_ = graph.shapes().shape(behind.tensor);
        pooled_head_.emplace(part_from(behind.tensor), network.session);
    }
}

LayerSplit::Trunk LayerSplit::trunk(const Tensor& inputs) const {
    require_input_size(network_, inputs);
    const std::int64_t pass = network_.fixed_batch.value_or(inputs.shape()[0]);
    auto out = run_in_passes(*trunk_, {{network_.input, inputs}}, {}, {logits_, features_}, pass,
                             network_.fixed_batch.has_value());
    return {out[0], out[1]};
}

Tensor LayerSplit::head(const Tensor& features, const Tensor& image) const {
    const std::int64_t copies = features.shape()[0];
    std::vector<runtime::Feed> feeds{
        {layer_.tensor, features.type() == feature_type_ ? features : features.to(feature_type_)}};
    if (head_needs_image_) feeds.emplace_back(network_.input, repeated_rows(image, copies));
    return run_in_passes(*head_, feeds, {}, {logits_}, network_.fixed_batch.value_or(copies),
                         network_.fixed_batch.has_value())[0];
}

Tensor LayerSplit::pooled_head(const Tensor& vectors) const {
    Shape shape = pooled_shape_;
    shape[0] = vectors.shape()[0];
    const std::int64_t pass = network_.fixed_batch.value_or(shape[0]);
    return run_in_passes(*pooled_head_, {{pooled_input_, vectors.reshaped(shape)}}, {}, {logits_}, pass,
                         network_.fixed_batch.has_value())[0];
}

std::size_t LayerSplit::offset(std::size_t item, std::size_t channel, std::size_t position) const {
    const auto channels = static_cast<std::size_t>(layer_.channels),
               positions = static_cast<std::size_t>(layer_.positions());
    const auto leading = static_cast<std::size_t>(layer_.leading_tokens),
               extra = static_cast<std::size_t>(layer_.extra_tokens());
    const std::size_t begin = item * channels * (positions + extra);
    if (layer_.layout == model::FeatureLayout::channels_first) return begin + channel * positions + position;
    return begin + (leading + position) * channels + channel;
}

std::int64_t LayerSplit::head_batch() const {
    return batch_size(
        static_cast<std::size_t>(layer_.channels * (layer_.positions() + layer_.extra_tokens())) * sizeof(float),
        options_.memory_limit);
}

}  // namespace locus::explain
