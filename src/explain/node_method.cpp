#include "explain/node_method.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explain/fusion.hpp"
#include "explain/methods/principal_component.hpp"
#include "locus/error.hpp"

namespace locus::explain {

using model::Value;

namespace {

/// The first principal component of the terms w_k A_k, [n, K, positions], with the sign of their sum: [n, h, w].
Tensor principal_map(const Tensor& terms, const TargetLayer& layer) {
    const auto n = static_cast<std::size_t>(terms.shape()[0]), channels = static_cast<std::size_t>(layer.channels);
    const auto positions = static_cast<std::size_t>(layer.positions());
    Tensor maps(DataType::float32, {terms.shape()[0], layer.height, layer.width});
    const std::vector<double> ones(channels, 1.0);
    for (std::size_t i = 0; i < n; ++i) {
        const auto own = terms.values<float>().subspan(i * channels * positions, channels * positions);
        const auto map = weighted_sum(own, ones, positions, true);
        std::copy(map.begin(), map.end(),
                  maps.mutable_values<float>().begin() + static_cast<std::ptrdiff_t>(i * positions));
    }
    return maps;
}

}  // namespace

PassPlan node_plan(const MethodOptions& options, MapNodes nodes, MapOf map_of) {
    if (map_of == MapOf::input) require_no_layer(options, "this method");
    PassPlan plan{.options = options, .map_of = map_of};
    plan.nodes = [nodes, map_of](MapGraph& graph, const Value& classes) {
        const std::size_t layers = map_of == MapOf::input ? 1 : graph.layers().size();
        std::vector<Value> maps;
        for (std::size_t layer = 0; layer < layers; ++layer) maps.push_back(nodes(graph, layer, classes));
        return maps;
    };
    const bool smooth = options.eigen_smooth && map_of == MapOf::layer;
    plan.finish = [fusion = options.fusion, smooth](const ClassPass& pass, const Tensor&, ClassOutputs out) {
        const auto& p = pass.network().preprocessing;
        std::vector<Tensor> columns;
        for (auto& maps : out.values) {
            for (std::size_t layer = 0; layer < maps.size(); ++layer) {
                if (smooth) maps[layer] = principal_map(maps[layer], pass.layers()[layer]);
            }
            columns.push_back(maps.size() == 1 ? maps.front() : fused(maps, fusion, p.height, p.width));
        }
        Attribution a{.logits = out.logits, .class_indices = out.class_indices, .maps = stacked_maps(columns)};
        if (smooth) a.signs_by.assign(static_cast<std::size_t>(a.class_indices.size()), "evidence");
        return a;
    };
    return plan;
}

Tensor stacked_maps(const std::vector<Tensor>& columns) {
    const Shape& one = columns.front().shape();
    const auto m = static_cast<std::int64_t>(columns.size());
    if (m == 1) return columns.front().reshaped({one[0], 1, one[1], one[2]});
    Tensor maps(DataType::float32, {one[0], m, one[1], one[2]});
    const auto target = maps.mutable_values<float>();
    const auto size = static_cast<std::size_t>(one[1] * one[2]);
    for (std::size_t c = 0; c < columns.size(); ++c) {
        for (std::size_t i = 0; i < static_cast<std::size_t>(one[0]); ++i) {
            const auto source = columns[c].values<float>().subspan(i * size, size);
            std::copy(source.begin(), source.end(),
                      target.begin() + static_cast<std::ptrdiff_t>((i * columns.size() + c) * size));
        }
    }
    return maps;
}

std::string joined_names(const std::vector<TargetLayer>& layers) {
    std::string names;
    for (const TargetLayer& layer : layers) names += (names.empty() ? "" : ",") + layer.tensor;
    return names;
}

void require_no_layer(const MethodOptions& options, const char* method) {
    if (options.layer.empty()) return;
    throw Error(
        ErrorKind::usage,
        fmt::format(
            "{} makes its map on the input's pixels and has no layer; leave --layer out, or choose another method",
            method));
}

}  // namespace locus::explain
