#include "explain/methods/eigen_cam.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "explain/batches.hpp"
#include "explain/fusion.hpp"
#include "explain/methods/principal_component.hpp"
#include "explain/node_method.hpp"
#include "locus/error.hpp"

namespace locus::explain {
namespace {

using model::Value;
using Projection = std::vector<double> (*)(std::span<const float>, std::size_t, std::size_t);

constexpr double undecided = 0.05;

/// What finishing a map takes beside the pass's values: for each layer the features, and for eigengrad-cam their
/// product with the gradient.
struct EigenFinish {
    Projection projection = principal_projection;
    bool gradient = false;
    MethodOptions options;
    Network network;  // with its graph, where evidence may have to be asked for
    mutable std::once_flag evidence_opened;
    mutable std::unique_ptr<ClassPass> evidence_pass;

    /// sum_k g A at each position of the layer, of one item, for a class: the gradient is needed for the sign only, and
    /// seldom.
    std::vector<double> evidence(const Tensor& item, std::int64_t index, std::size_t layer) const {
        std::call_once(evidence_opened, [&] {
            evidence_pass = std::make_unique<ClassPass>(
                std::make_unique<MapGraph>(network, options), [](MapGraph& graph, const Value& classes) {
                    std::vector<Value> sums;
                    for (std::size_t i = 0; i < graph.layers().size(); ++i) {
                        sums.push_back(model::reduce_sum(graph.gradient(i, classes) * graph.features(i), {1}, false));
                    }
                    return sums;
                });
        });
        const auto values = evidence_pass->run_given(item, Tensor::of<std::int64_t>({1}, {index}))[layer];
        return {values.values<float>().begin(), values.values<float>().end()};
    }
};

struct Signed {
    std::vector<double> map;
    std::string by, note;
};

template <class Evidence>
Signed upright(std::vector<double> map, std::span<const double> energy_map, const Evidence& evidence) {
    double sign = correlation(map, energy_map);
    std::string by = "energy", note;
    if (std::abs(sign) < undecided) {
        by = "evidence";
        note = "the features' energy does not tell the map's sign; the class's evidence does";
        try {
            sign = correlation(map, evidence());
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            sign = 0;
        }
        if (std::abs(sign) < 1e-6) {
            by = "nothing";
            note = "neither the features' energy nor the class's evidence tells the map's sign: it may be inverted";
        }
    }
    if (sign < 0) {
        for (double& value : map) value = -value;
    }
    return {std::move(map), std::move(by), std::move(note)};
}

Attribution finish(const EigenFinish& eigen, const ClassPass& pass, const Tensor& inputs, const ClassOutputs& out) {
    const auto n = static_cast<std::size_t>(inputs.shape()[0]), m = out.values.size();
    const auto& layers = pass.layers();
    Attribution a{.logits = out.logits, .class_indices = out.class_indices};
    a.notes.resize(n * m);
    a.signs_by.resize(n * m);
    std::vector<Tensor> columns;
    for (std::size_t c = 0; c < m; ++c) {
        std::vector<Tensor> maps;
        for (std::size_t layer = 0; layer < layers.size(); ++layer) {
            const auto channels = static_cast<std::size_t>(layers[layer].channels),
                       positions = static_cast<std::size_t>(layers[layer].positions());
            const std::size_t size = channels * positions;
            Tensor map(DataType::float32, {static_cast<std::int64_t>(n), layers[layer].height, layers[layer].width});
            for (std::size_t i = 0; i < n; ++i) {
                const auto features =
                    out.values[c][eigen.gradient ? 2 * layer : layer].values<float>().subspan(i * size, size);
                Signed result;
                if (eigen.gradient) {
                    const auto product = out.values[c][2 * layer + 1].values<float>().subspan(i * size, size);
                    result = upright(eigen.projection(product, channels, positions),
                                     energy(features, channels, positions), [&] {
                                         std::vector<double> sums(positions, 0.0);
                                         for (std::size_t k = 0; k < size; ++k) sums[k % positions] += product[k];
                                         return sums;
                                     });
                } else {
                    result = upright(
                        eigen.projection(features, channels, positions), energy(features, channels, positions), [&] {
                            return eigen.evidence(rows(inputs, static_cast<std::int64_t>(i), 1),
                                                  out.class_indices.values<std::int64_t>()[i * m + c], layer);
                        });
                }
                std::copy(result.map.begin(), result.map.end(),
                          map.mutable_values<float>().begin() + static_cast<std::ptrdiff_t>(i * positions));
                a.signs_by[i * m + c] = result.by;
                if (!result.note.empty()) a.notes[i * m + c] = result.note;
            }
            maps.push_back(std::move(map));
        }
        const auto& p = pass.network().preprocessing;
        columns.push_back(maps.size() == 1 ? maps.front() : fused(maps, eigen.options.fusion, p.height, p.width));
    }
    a.maps = stacked_maps(columns);
    return a;
}

/// kpca-cam holds matrices of positions x positions.
void require_memory(const std::vector<TargetLayer>& layers, const MethodOptions& options) {
    for (const TargetLayer& layer : layers) {
        const double positions = static_cast<double>(layer.positions());
        const double bytes = 3.0 * sizeof(double) * positions * positions;
        if (bytes <= static_cast<double>(options.memory_limit)) continue;
        throw Error(
            ErrorKind::resource,
            fmt::format("kpca-cam on the {} positions of '{}' takes {:.1f} GiB; choose a later layer or raise --memory",
                        layer.positions(), layer.tensor, bytes / 0x1p30));
    }
}

PassPlan plan(const Network& network, const MethodOptions& options, Projection projection, bool gradient) {
    auto eigen = std::make_shared<EigenFinish>();
    eigen->projection = projection;
    eigen->gradient = gradient;
    eigen->options = options;
    if (!gradient) eigen->network = network;
    PassPlan result{.options = options, .map_of = MapOf::layer};
    result.nodes = [projection, gradient, options](MapGraph& graph, const Value& classes) {
        if (projection == kernel_principal_projection) require_memory(graph.layers(), options);
        std::vector<Value> values;
        for (std::size_t i = 0; i < graph.layers().size(); ++i) {
            values.push_back(graph.features(i));
            if (gradient) values.push_back(graph.gradient(i, classes) * graph.features(i));
        }
        return values;
    };
    result.finish = [eigen](const ClassPass& pass, const Tensor& inputs, const ClassOutputs& outputs) {
        return finish(*eigen, pass, inputs, outputs);
    };
    return result;
}

}  // namespace

PassPlan plan_eigen_cam(const Network& network, const MethodOptions& options) {
    return plan(network, options, principal_projection, false);
}
PassPlan plan_eigengrad_cam(const Network& network, const MethodOptions& options) {
    return plan(network, options, principal_projection, true);
}
PassPlan plan_kpca_cam(const Network& network, const MethodOptions& options) {
    return plan(network, options, kernel_principal_projection, false);
}
Prepared prepare_eigen_cam(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, plan_eigen_cam(network, options));
}
Prepared prepare_eigengrad_cam(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, plan_eigengrad_cam(network, options));
}
Prepared prepare_kpca_cam(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, plan_kpca_cam(network, options));
}

}  // namespace locus::explain
