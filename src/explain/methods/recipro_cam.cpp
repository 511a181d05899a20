#include "explain/methods/recipro_cam.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/layer_split.hpp"
#include "explain/linear_parts.hpp"
#include "explain/map_graph.hpp"
#include "explain/node_method.hpp"
#include "explain/pool_behind.hpp"
#include "locus/error.hpp"
#include "model/affine.hpp"

namespace locus::explain {
namespace {

using model::Value;

enum class Form { affine, affine_behind_max, linear_parts, measured };

Form form_of(MapGraph& graph, const TargetLayer& layer) {
    if (graph.options().target.kind != TargetKind::logit || layer.layout == model::FeatureLayout::tokens)
        return Form::measured;
    const std::string& scores = graph.network().head.logits;
    if (model::is_affine_behind(graph.network().model.graph, layer.tensor, scores)) return Form::affine;
    const PoolBehind behind = pool_behind(graph.network().model.graph, graph.shapes(), layer);
    if (behind.pool == model::Pool::max && model::is_affine_behind(graph.network().model.graph, behind.tensor, scores))
        return Form::affine_behind_max;
    return has_linear_parts(graph, layer, PartsOf::positions) ? Form::linear_parts : Form::measured;
}

/// Weights of the kept neighbourhood: the position alone, or for tokens a 3 x 3 Gaussian.
double kept(std::int64_t rows_off, std::int64_t columns_off, bool tokens) {
    if (!tokens) return rows_off == 0 && columns_off == 0 ? 1 : 0;
    if (std::abs(rows_off) > 1 || std::abs(columns_off) > 1) return 0;
    constexpr std::array<double, 2> line{0.5, 0.25};
    return line[static_cast<std::size_t>(std::abs(rows_off))] * line[static_cast<std::size_t>(std::abs(columns_off))];
}

/// Position `at` kept around position `center`, by their numbers in reading order.
float kept(const TargetLayer& layer, std::size_t center, std::size_t at) {
    const auto c = static_cast<std::int64_t>(center), p = static_cast<std::int64_t>(at);
    return static_cast<float>(kept(p / layer.width - c / layer.width, p % layer.width - c % layer.width,
                                   layer.layout == model::FeatureLayout::tokens));
}

/// Scores of one item's features with the neighbourhood of each of the positions first ... first + count - 1 kept and
/// zeros elsewhere, where a global pool reads them: the pooled vectors are worked out here.
Tensor scores_of_pooled(const LayerSplit& split, const Tensor& features, std::size_t first, std::size_t count) {
    const TargetLayer& layer = split.layer();
    const auto channels = static_cast<std::size_t>(layer.channels),
               positions = static_cast<std::size_t>(layer.positions());
    const auto values = features.values<float>();
    Tensor vectors(DataType::float32, {static_cast<std::int64_t>(count), layer.channels});
    const auto target = vectors.mutable_values<float>();
    for (std::size_t i = 0; i < count; ++i) {
        const auto pooled = target.subspan(i * channels, channels);
        // Those further than one row away are not kept.
        const std::size_t reach = static_cast<std::size_t>(layer.width) + 1, center = first + i;
        const std::size_t from = center - std::min(center, reach), to = std::min(positions, center + reach + 1);
        for (std::size_t p = from; p < to; ++p) {
            const float share = kept(layer, center, p);
            if (share == 0) continue;
            for (std::size_t k = 0; k < channels; ++k) {
                const float value = share * values[split.offset(0, k, p)];
                pooled[k] = split.pool() == model::Pool::max ? std::max(pooled[k], value) : pooled[k] + value;
            }
        }
        if (split.pool() != model::Pool::mean) continue;
        for (float& value : pooled) value /= static_cast<float>(positions);
    }
    return split.pooled_head(vectors);
}

/// The same by whole runs of the head.
Tensor scores_of_kept(const LayerSplit& split, const Tensor& features, const Tensor& image, std::size_t first,
                      std::size_t count) {
    const TargetLayer& layer = split.layer();
    Tensor copies = repeated_rows(features, static_cast<std::int64_t>(count));
    const auto target = copies.mutable_values<float>();
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t p = 0; p < static_cast<std::size_t>(layer.positions()); ++p) {
            const float share = kept(layer, first + i, p);
            if (share == 1) continue;
            for (std::size_t k = 0; k < static_cast<std::size_t>(layer.channels); ++k)
                target[split.offset(i, k, p)] *= share;
        }
    }
    return split.head(copies, image);
}

Attribution run(const LayerSplit& split, const Tensor& inputs, const ClassSelection& classes) {
    const LayerSplit::Trunk trunk = split.trunk(inputs);
    const TargetLayer& layer = split.layer();
    Attribution a{.logits = trunk.logits, .class_indices = selected_classes(trunk.logits, classes)};
    const auto n = static_cast<std::size_t>(inputs.shape()[0]),
               m = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto positions = static_cast<std::size_t>(layer.positions());
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], static_cast<std::int64_t>(m), layer.height, layer.width});
    const auto maps = a.maps.mutable_values<float>();
    const auto classes_count = static_cast<std::size_t>(split.classes());
    const std::size_t batch = split.pooled() ? 256 : static_cast<std::size_t>(split.head_batch());
    for (std::size_t item = 0; item < n; ++item) {
        const Tensor features = rows(trunk.features, static_cast<std::int64_t>(item), 1);
        const Tensor image = rows(inputs, static_cast<std::int64_t>(item), 1);
        for (std::size_t first = 0; first < positions; first += batch) {
            const std::size_t count = std::min(batch, positions - first);
            const Tensor scores = split.pooled() ? scores_of_pooled(split, features, first, count)
                                                 : scores_of_kept(split, features, image, first, count);
            for (std::size_t i = 0; i < count; ++i) {
                const auto row = scores.values<float>().subspan(i * classes_count, classes_count);
                for (std::size_t c = 0; c < m; ++c) {
                    const auto index = a.class_indices.values<std::int64_t>()[item * m + c];
                    maps[(item * m + c) * positions + first + i] =
                        static_cast<float>(score(split.options().target, row, index, split.network().head.activation));
                }
            }
        }
    }
    return a;
}

}  // namespace

Value recipro_cam_nodes(MapGraph& graph, std::size_t layer, const Value& classes) {
    const TargetLayer& target = graph.layers()[layer];
    const Form form = form_of(graph, target);
    if (form == Form::measured) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format(
                "recipro-cam at '{}' takes a run of the head for each position, which no graph holds: it can be "
                "exported only where all behind the layer, or behind its global pool, is linear, or where fully "
                "connected layers read it",
                target.tensor));
    }
    if (form == Form::linear_parts) return graph.shaped(scores_of_each_position(graph, target, classes), layer);
    const Value y = model::reshape(graph.score(classes), {-1, 1, 1});
    const Value a = graph.features(layer);
    if (form == Form::affine) {
        const Value evidence = model::reduce_sum(graph.gradient(layer, classes) * a, {1});
        return graph.shaped(evidence + (y - model::reduce_sum(evidence, {2})), layer);
    }
    // Behind a maximum, a position alone is compared with the zeros around it.
    const PoolBehind behind = pool_behind(graph.network().model.graph, graph.shapes(), target);
    const Value g = model::reshape(model::cast(graph.gradients({behind.tensor}, classes).front(), DataType::float32),
                                   {-1, target.channels, 1});
    const Value pooled =
        model::reshape(model::cast(graph.emit().value(behind.tensor), DataType::float32), {-1, target.channels, 1});
    const Value rest = y - model::reduce_sum(g * pooled, {1});
    return graph.shaped(model::reduce_sum(g * model::unary("Relu", a), {1}) + rest, layer);
}

Prepared prepare_recipro_cam(const Network& network, const MethodOptions& options) {
    {
        MapGraph graph(network, options);
        const bool closed = graph.layers().size() == 1 && form_of(graph, graph.layers().front()) != Form::measured;
        if (closed) return prepare_nodes<recipro_cam_nodes>(network, options);
    }
    auto split = std::make_shared<LayerSplit>(network, options);
    Prepared prepared;
    prepared.target_layer = split->layer().tensor;
    prepared.classes = split->classes();
    prepared.explain = [split](const Tensor& inputs, const ClassSelection& classes) {
        return run(*split, inputs, classes);
    };
    return prepared;
}

}  // namespace locus::explain
