#include "explain/eigen_cam.hpp"

#include <cmath>
#include <memory>
#include <mutex>

#include <fmt/format.h>

#include "explain/fusion.hpp"
#include "explain/node_method.hpp"
#include "explain/principal_component.hpp"
#include "locus/error.hpp"

namespace locus::explain {
namespace {

using model::Value;
using Projection = std::vector<double> (*)(std::span<const float>, std::size_t, std::size_t);

constexpr double undecided = 0.05;

struct EigenNetwork {
    ClassPass pass;  // values: for each layer the features, and for eigengrad-cam their product with the gradient
    Projection projection = principal_projection;
    bool gradient = false;
    Fusion fusion = Fusion::mean;
    Network network;  // with its graph, where evidence may have to be asked for
    MethodOptions options;
    mutable std::once_flag evidence_opened;
    mutable std::unique_ptr<ClassPass> evidence_pass;

    EigenNetwork(ClassPass opened) : pass(std::move(opened)) {}

    /// sum_k g A at each position of the layer, of one item, for a class: the gradient is needed for the sign only, and seldom.
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
    std::string note;
};

template <class Evidence>
Signed upright(std::vector<double> map, std::span<const double> energy_map, const Evidence& evidence) {
    double sign = correlation(map, energy_map);
    std::string note;
    if (std::abs(sign) < undecided) {
        note = "the features' energy does not tell the map's sign; the class's evidence does";
        try {
            sign = correlation(map, evidence());
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::unsupported) throw;
            note = "neither the features' energy nor a gradient tells the map's sign: it may be inverted";
        }
        if (std::abs(sign) < 1e-6)
            note = "neither the features' energy nor the class's evidence tells the map's sign: it may be inverted";
    }
    if (sign < 0) {
        for (double& value : map) value = -value;
    }
    return {std::move(map), std::move(note)};
}

Tensor row(const Tensor& tensor, std::size_t item) {
    Shape shape = tensor.shape();
    const std::size_t size = tensor.bytes().size() / static_cast<std::size_t>(shape[0]);
    shape[0] = 1;
    const auto bytes = tensor.bytes().subspan(item * size, size);
    return Tensor(tensor.type(), shape, {bytes.begin(), bytes.end()});
}

Attribution run(const EigenNetwork& eigen, const Tensor& inputs, const ClassSelection& classes) {
    const ClassOutputs out = eigen.pass.run(inputs, classes);
    const auto n = static_cast<std::size_t>(inputs.shape()[0]), m = out.values.size();
    const auto& layers = eigen.pass.layers();
    Attribution a{.logits = out.logits, .class_indices = out.class_indices};
    a.notes.resize(n * m);
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
                            return eigen.evidence(row(inputs, i), out.class_indices.values<std::int64_t>()[i * m + c],
                                                  layer);
                        });
                }
                std::copy(result.map.begin(), result.map.end(),
                          map.mutable_values<float>().begin() + static_cast<std::ptrdiff_t>(i * positions));
                if (!result.note.empty()) a.notes[i * m + c] = result.note;
            }
            maps.push_back(std::move(map));
        }
        const auto& p = eigen.pass.network().preprocessing;
        columns.push_back(maps.size() == 1 ? maps.front() : fused(maps, eigen.fusion, p.height, p.width));
    }
    a.maps = stacked_maps(columns);
    return a;
}

Prepared prepare(const Network& network, const MethodOptions& options, Projection projection, bool gradient) {
    auto eigen = std::make_shared<EigenNetwork>(
        ClassPass(std::make_unique<MapGraph>(network, options), [&](MapGraph& graph, const Value& classes) {
            std::vector<Value> values;
            for (std::size_t i = 0; i < graph.layers().size(); ++i) {
                values.push_back(graph.features(i));
                if (gradient) values.push_back(graph.gradient(i, classes) * graph.features(i));
            }
            return values;
        }));
    eigen->projection = projection;
    eigen->gradient = gradient;
    eigen->fusion = options.fusion;
    eigen->options = options;
    if (!gradient) eigen->network = network;
    if (projection == kernel_principal_projection) {
        for (const TargetLayer& layer : eigen->pass.layers()) {
            const double bytes =
                3.0 * sizeof(double) * static_cast<double>(layer.positions()) * static_cast<double>(layer.positions());
            if (bytes > static_cast<double>(options.memory_limit)) {
                throw Error(
                    ErrorKind::resource,
                    fmt::format(
                        "kpca-cam on the {} positions of '{}' takes {:.1f} GiB; choose a later layer or raise --memory",
                        layer.positions(), layer.tensor, bytes / 0x1p30));
            }
        }
    }
    Prepared prepared;
    prepared.target_layer = joined_names(eigen->pass.layers());
    prepared.classes = eigen->pass.classes();
    prepared.explain = [eigen](const Tensor& inputs, const ClassSelection& classes) {
        return run(*eigen, inputs, classes);
    };
    return prepared;
}

}  // namespace

Prepared prepare_eigen_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, principal_projection, false);
}
Prepared prepare_eigengrad_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, principal_projection, true);
}
Prepared prepare_kpca_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, kernel_principal_projection, false);
}

}  // namespace locus::explain
