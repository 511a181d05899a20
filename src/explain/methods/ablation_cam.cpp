#include "explain/methods/ablation_cam.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/layer_split.hpp"
#include "explain/linear_parts.hpp"
#include "explain/map_graph.hpp"
#include "explain/methods/gradient_cam.hpp"
#include "explain/methods/principal_component.hpp"
#include "explain/node_method.hpp"
#include "explain/pool_behind.hpp"
#include "locus/error.hpp"
#include "model/affine.hpp"

namespace locus::explain {
namespace {

using model::Value;

/// The tensor whose ablation has a closed form: the layer, or the pooled vector behind it; "" where there is none.
std::string affine_from(MapGraph& graph, const TargetLayer& layer) {
    if (graph.options().target.kind != TargetKind::logit || layer.extra_tokens() != 0) return {};
    const std::string& scores = graph.network().head.logits;
    if (model::is_affine_behind(graph.network().model.graph, layer.tensor, scores)) return layer.tensor;
    const PoolBehind behind = pool_behind(graph.network().model.graph, graph.shapes(), layer);
    if (behind.pool != model::Pool::none && model::is_affine_behind(graph.network().model.graph, behind.tensor, scores))
        return behind.tensor;
    return {};
}

/// The score drops of all channels for each asked class of one item, in runs of the head: [m][K].
std::vector<std::vector<double>> measured_drops(const LayerSplit& split, const Tensor& features,
                                                std::span<const float> logits, std::span<const std::int64_t> asked,
                                                const Tensor& image) {
    const auto channels = static_cast<std::size_t>(split.layer().channels),
               positions = static_cast<std::size_t>(split.layer().positions());
    const auto& target = split.options().target;
    const auto activation = split.network().head.activation;
    std::vector<std::vector<double>> drops(asked.size(), std::vector<double>(channels));
    std::vector<float> pooled(channels);
    if (split.pooled()) {
        const auto values = features.values<float>();
        for (std::size_t k = 0; k < channels; ++k) {
            double sum = 0, greatest = values[split.offset(0, k, 0)];
            for (std::size_t p = 0; p < positions; ++p) {
                sum += values[split.offset(0, k, p)];
                greatest = std::max<double>(greatest, values[split.offset(0, k, p)]);
            }
            const double mean = sum / static_cast<double>(positions);
            pooled[k] = static_cast<float>(split.pool() == model::Pool::max   ? greatest
                                           : split.pool() == model::Pool::sum ? sum
                                                                              : mean);
        }
    }
    const std::size_t batch = split.pooled() ? 128 : static_cast<std::size_t>(split.head_batch());
    for (std::size_t first = 0; first < channels; first += batch) {
        const std::size_t count = std::min(batch, channels - first);
        Tensor scores;
        if (split.pooled()) {
            Tensor vectors(DataType::float32, {static_cast<std::int64_t>(count), split.layer().channels});
            const auto values = vectors.mutable_values<float>();
            for (std::size_t i = 0; i < count; ++i) {
                std::copy(pooled.begin(), pooled.end(), values.begin() + static_cast<std::ptrdiff_t>(i * channels));
                values[i * channels + first + i] = 0;
            }
            scores = split.pooled_head(vectors);
        } else {
            Tensor copies = repeated_rows(features, static_cast<std::int64_t>(count));
            const auto values = copies.mutable_values<float>();
            for (std::size_t i = 0; i < count; ++i) {
                for (std::size_t p = 0; p < positions; ++p) values[split.offset(i, first + i, p)] = 0;
            }
            scores = split.head(copies, image);
        }
        for (std::size_t i = 0; i < count; ++i) {
            const auto row = scores.values<float>().subspan(i * logits.size(), logits.size());
            for (std::size_t c = 0; c < asked.size(); ++c) {
                drops[c][first + i] =
                    score(target, logits, asked[c], activation) - score(target, row, asked[c], activation);
            }
        }
    }
    return drops;
}

Attribution run(const LayerSplit& split, const Tensor& inputs, const ClassSelection& classes) {
    const LayerSplit::Trunk trunk = split.trunk(inputs);
    Attribution a{.logits = trunk.logits, .class_indices = selected_classes(trunk.logits, classes)};
    const auto n = static_cast<std::size_t>(inputs.shape()[0]),
               m = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto channels = static_cast<std::size_t>(split.layer().channels),
               positions = static_cast<std::size_t>(split.layer().positions());
    a.maps = Tensor(DataType::float32,
                    {inputs.shape()[0], static_cast<std::int64_t>(m), split.layer().height, split.layer().width});
    const auto maps = a.maps.mutable_values<float>();
    for (std::size_t item = 0; item < n; ++item) {
        const Tensor features = rows(trunk.features, static_cast<std::int64_t>(item), 1);
        const Tensor image = rows(inputs, static_cast<std::int64_t>(item), 1);
        const auto count = static_cast<std::size_t>(split.classes());
        const auto logits = trunk.logits.values<float>().subspan(item * count, count);
        const auto asked = a.class_indices.values<std::int64_t>().subspan(item * m, m);
        const auto drops = measured_drops(split, features, logits, asked, image);
        std::vector<float> channel_maps(channels * positions);  // the graph may lay them out otherwise
        for (std::size_t k = 0; k < channels; ++k) {
            for (std::size_t p = 0; p < positions; ++p)
                channel_maps[k * positions + p] = features.values<float>()[split.offset(0, k, p)];
        }
        for (std::size_t c = 0; c < m; ++c) {
            const double y = score(split.options().target, logits, asked[c], split.network().head.activation);
            const auto map = weighted_sum(channel_maps, drops[c], positions, split.options().eigen_smooth);
            for (std::size_t p = 0; p < positions; ++p)
                maps[(item * m + c) * positions + p] = static_cast<float>(map[p] / y);
        }
    }
    return a;
}

/// Signs of the scores, and a note where y is so near 0 that the quotient says nothing.
void tell_signs(Attribution& a, const TargetScore& target, model::Activation activation) {
    const auto n = static_cast<std::size_t>(a.class_indices.shape()[0]),
               m = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto count = static_cast<std::size_t>(a.logits.shape()[1]);
    const auto indices = a.class_indices.values<std::int64_t>();
    const auto maps = a.maps.mutable_values<float>();
    const std::size_t positions = maps.size() / (n * m);
    a.notes.resize(n * m);
    a.signs.assign(n * m, 1);
    a.signs_by.assign(n * m, "score");
    for (std::size_t i = 0; i < n * m; ++i) {
        const double y = score(target, a.logits.values<float>().subspan(i / m * count, count), indices[i], activation);
        if (y < 0) a.signs[i] = -1;
        if (y == 0) {
            std::fill_n(maps.begin() + static_cast<std::ptrdiff_t>(i * positions), positions, 0.0F);
            a.notes[i] = "the score is 0, so that shares of it are not defined: the map is empty";
        }
    }
}

}  // namespace

Value ablation_cam_nodes(MapGraph& graph, std::size_t layer, const Value& classes) {
    const TargetLayer& target = graph.layers()[layer];
    const std::string from = affine_from(graph, target);
    const Value y = graph.score(classes);
    Value drops;
    if (from == target.tensor) {
        drops = model::reduce_sum(graph.gradient(layer, classes) * graph.features(layer), {2});
    } else if (!from.empty()) {
        const Value pooled = model::cast(graph.emit().value(from), DataType::float32);
        const Value g = model::cast(graph.gradients({from}, classes).front(), DataType::float32);
        drops = model::reshape(g * pooled, {-1, target.channels, 1});
    } else if (has_linear_parts(graph, target, PartsOf::channels)) {
        drops = model::unsqueeze(y - scores_without_each_channel(graph, target, classes), {2});
    } else {
        throw Error(
            ErrorKind::unsupported,
            fmt::format(
                "ablation-cam at '{}' takes a run of the head for each channel, which no graph holds: it can be "
                "exported only where all behind the layer, or behind its global pool, is linear, or where fully "
                "connected layers read it",
                target.tensor));
    }
    return weighted_map(graph, layer, drops / model::reshape(y, {-1, 1, 1}));
}

Prepared prepare_ablation_cam(const Network& network, const MethodOptions& options) {
    MapGraph graph(network, options);
    const TargetLayer& layer = graph.layers().front();
    const bool closed = graph.layers().size() == 1 &&
                        (!affine_from(graph, layer).empty() || has_linear_parts(graph, layer, PartsOf::channels));
    const TargetScore target = options.target;
    const auto activation = network.head.activation;
    Prepared prepared;
    if (closed) {
        prepared = prepare_nodes<ablation_cam_nodes>(network, options);
        prepared.explain = [explain = prepared.explain, target, activation](const Tensor& inputs,
                                                                            const ClassSelection& classes) {
            Attribution a = explain(inputs, classes);
            tell_signs(a, target, activation);
            return a;
        };
        return prepared;
    }
    auto split = std::make_shared<LayerSplit>(network, options);
    prepared.target_layer = split->layer().tensor;
    prepared.classes = split->classes();
    prepared.explain = [split, target, activation](const Tensor& inputs, const ClassSelection& classes) {
        Attribution a = run(*split, inputs, classes);
        tell_signs(a, target, activation);
        return a;
    };
    return prepared;
}

}  // namespace locus::explain
