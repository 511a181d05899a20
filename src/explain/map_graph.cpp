#include "explain/map_graph.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/opset.hpp"
#include "text/quote.hpp"

namespace locus::explain {
namespace {

using model::Value;

/// Throws Error(usage) for a target that means nothing for such scores.
void require_sense(const MethodOptions& options, const ScoreExtents& scores) {
    const TargetScore& target = options.target;
    if (target.kind == TargetKind::mask && scores.positions == 1)
        throw Error(
            ErrorKind::usage,
            "the target mask is for networks whose scores have positions, [n, C, h, w], which this one's have not");
    if (target.kind != TargetKind::difference) return;
    if (scores.classes < 2) throw Error(ErrorKind::usage, one_class_has_no_difference);
    if (options.given.contains("nearest") && target.nearest >= scores.classes)
        throw Error(ErrorKind::usage,
                    fmt::format("nearest is {}, but a class has {} others", target.nearest, scores.classes - 1));
}

/// Scores with positions are averaged over the mask by the same weights as the seed has.
Value class_scores(model::Emitter& emit, const Network& network, const MethodOptions& options) {
    const Value scores = model::cast(emit.value(network.head.logits), DataType::float32);
    const ScoreExtents extents = score_extents(scores.shape());
    require_sense(options, extents);
    if (extents.positions <= 1) return model::reshape(scores, {-1, extents.classes});
    const Value flat = model::reshape(scores, {-1, extents.classes, extents.positions});
    return model::reduce_sum(flat * emit.constant(mask_weights(options.target, extents.positions)), {2}, false);
}

/// Puts a float32 copy of an input of integers in its place, and returns its name: operators that only move numbers
/// pass it on to the casts that would have made floats of them. Where another operator reads the integers, nothing is
/// changed and "" is returned.
std::string write_float_pixels(model::Graph& graph, const std::string& input) {
    static const auto moves = {"Identity", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice"};
    const model::Index index(graph);
    std::set<std::string> moved{input};
    std::vector<std::string> waiting{input};
    while (!waiting.empty()) {
        const std::string tensor = waiting.back();
        waiting.pop_back();
        for (const model::Node* reader : index.consumers(tensor)) {
            if (reader->is("Cast") || reader->is("Shape")) continue;
            const bool only_moves =
                std::any_of(moves.begin(), moves.end(), [&](auto type) { return reader->is(type); });
            if (!only_moves || reader->input(0) != tensor) return {};
            if (moved.insert(reader->output(0)).second) waiting.push_back(reader->output(0));
        }
    }
    std::erase_if(graph.value_infos, [&](const model::ValueInfo& info) { return moved.contains(info.name); });
    model::NodeWriter write(graph, "pixels");
    const std::string pixels = write.cast(input, DataType::float32);
    for (auto node = graph.nodes.begin(); node + 1 != graph.nodes.end(); ++node)
        std::replace(node->inputs.begin(), node->inputs.end(), input, pixels);
    std::rotate(graph.nodes.begin(), graph.nodes.end() - 1, graph.nodes.end());
    return pixels;
}

}  // namespace

MapGraph::MapGraph(const Network& network, const MethodOptions& options, MapOf map_of)
    : network_(&network), options_(options), model_(network.model) {
    model_.graph.outputs = {{.name = network.head.logits, .type = DataType::float32, .shape = std::nullopt}};
    model::remove_unused(model_.graph);
    model::raise_opset(model_);
    pixels_ = is_floating(network.input_type) ? network.input : write_float_pixels(model_.graph, network.input);
    shapes_ = network_shapes(network, model_);
    if (const std::int64_t batch = shapes_.shape(network.input).front(); batch > 0 && !network.fixed_batch) {
        fixed_ = network;
        fixed_->fixed_batch = batch;
    }
    if (map_of == MapOf::layer) layers_ = find_target_layers(network, shapes_, options.layer, options.layout);
    emit_ = std::make_unique<model::Emitter>(model_, shapes_, "locus");
    logits_ = class_scores(*emit_, network, options);
}

std::int64_t MapGraph::classes() const { return logits_.shape().at(1); }

Value MapGraph::integers(const std::string& tensor, const Shape& of_item) {
    shapes_.set_rows(tensor, network_->input, of_item);
    return emit_->value(tensor);
}

Value MapGraph::score(const Value& classes) {
    return emit_->node("GatherElements", {logits_, model::reshape(classes, {-1, 1})}, {{"axis", std::int64_t{1}}});
}

Value MapGraph::features(std::size_t layer) { return feature_map(emit_->value(layers_[layer].tensor), layers_[layer]); }

std::vector<Value> MapGraph::gradients(const std::vector<std::string>& tensors, const Value& classes,
                                       model::ReluRule relu) {
    auto& known = gradients_[fmt::format("{}/{}", classes.name(), static_cast<int>(relu))];
    const bool complete =
        std::all_of(tensors.begin(), tensors.end(), [&](const auto& tensor) { return known.contains(tensor); });
    if (!complete) {
        const model::Seed seed = write_seed(*emit_, network(), options_.target, network_->head.logits, classes);
        auto fresh = model::differentiate(model_, shapes_, {seed}, tensors,
                                          {.relu = relu, .prefix = fmt::format("gradient{}", passes_++)});
        known.merge(fresh);
    }
    std::vector<Value> result;
    for (const auto& tensor : tensors) result.push_back(emit_->value(known.at(tensor)));
    return result;
}

Value MapGraph::gradient(std::size_t layer, const Value& classes) {
    std::vector<std::string> tensors;
    for (const TargetLayer& each : layers_) tensors.push_back(each.tensor);
    return feature_map(gradients(tensors, classes)[layer], layers_[layer]);
}

Value MapGraph::product_gradient(const std::string& seeded, const std::string& by, const std::string& tensor) {
    const auto result =
        model::differentiate(model_, shapes_, {model::Seed::with(seeded, by)}, {tensor},
                             {.prefix = fmt::format("gradient{}", passes_++), .zeros_where_independent = true});
    return emit_->value(result.at(tensor));
}

namespace {

Value channels_and_pixels(const Value& tensor, const Network& network) {
    Value x = model::cast(tensor, DataType::float32);
    if (network.preprocessing.layout == Layout::nhwc) x = model::transpose(x, {0, 3, 1, 2});
    const Shape shape = x.shape();
    return model::reshape(x, {-1, shape[1], shape[2] * shape[3]});
}

}  // namespace

const std::string& MapGraph::pixels() const {
    if (!pixels_.empty()) return pixels_;
    throw Error(ErrorKind::unsupported,
                fmt::format("the input {} is of integers that the network reads as such: there is no gradient by them",
                            text::quote(network_->input)));
}

Value MapGraph::input() { return channels_and_pixels(emit_->value(network_->input), *network_); }

Value MapGraph::input_gradient(const Value& classes, model::ReluRule relu) {
    return channels_and_pixels(gradients({pixels()}, classes, relu).front(), *network_);
}

Value MapGraph::shaped(const Value& map, std::size_t layer) {
    return model::reshape(map, {-1, layers_[layer].height, layers_[layer].width});
}

Value MapGraph::shaped_as_input(const Value& map) {
    return model::reshape(map, {-1, network_->preprocessing.height, network_->preprocessing.width});
}

}  // namespace locus::explain
