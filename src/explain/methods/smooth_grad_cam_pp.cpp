#include "explain/methods/smooth_grad_cam_pp.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>

#include "explain/batches.hpp"
#include "explain/methods/principal_component.hpp"
#include "explain/node_method.hpp"
#include "explain/random_numbers.hpp"
#include "locus/error.hpp"

namespace locus::explain {
namespace {

using model::Value;

Tensor noisy_copies(const Tensor& image, std::int64_t count, double noise, std::mt19937_64& random) {
    Tensor copies = repeated_rows(image.to_float32(), count);
    const auto values = copies.mutable_values<float>();
    double sum = 0, squares = 0;
    const Tensor source = image.to_float32();
    for (const float v : source.values<float>()) {
        sum += v;
        squares += static_cast<double>(v) * v;
    }
    const double n = static_cast<double>(source.size());
    const double deviation = noise * std::sqrt(std::max(squares / n - sum / n * sum / n, 0.0));
    for (float& value : values) value += static_cast<float>(deviation * normal(random));
    return copies.to(image.type());
}

struct Smooth {
    ClassPass pass;  // values: features and gradient
    MethodOptions options;
    std::int64_t samples = 10;
    double noise = 0.3;
};

/// grad-cam++'s map of one item from the means of the gradient's powers.
void write_map(std::span<const float> a, const std::vector<double>& g1, const std::vector<double>& g2,
               const std::vector<double>& g3, std::size_t channels, bool principal, std::span<float> map) {
    const std::size_t positions = map.size();
    std::vector<double> weights(channels, 0.0);
    for (std::size_t k = 0; k < channels; ++k) {
        double total = 0;
        for (std::size_t p = 0; p < positions; ++p) total += a[k * positions + p];
        for (std::size_t p = k * positions; p < (k + 1) * positions; ++p) {
            weights[k] += std::max(g1[p], 0.0) * g2[p] / (2 * g2[p] + total * g3[p] + 1e-6);
        }
    }
    const auto sums = weighted_sum(a, weights, positions, principal);
    std::copy(sums.begin(), sums.end(), map.begin());
}

Attribution run(const Smooth& smooth, const Tensor& inputs, const ClassSelection& classes) {
    const ClassOutputs out = smooth.pass.run(inputs, classes);
    const TargetLayer& layer = smooth.pass.layers().front();
    const auto n = static_cast<std::size_t>(inputs.shape()[0]), m = out.values.size();
    const auto channels = static_cast<std::size_t>(layer.channels),
               positions = static_cast<std::size_t>(layer.positions());
    const std::size_t size = channels * positions;
    Attribution a{.logits = out.logits, .class_indices = out.class_indices};
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], static_cast<std::int64_t>(m), layer.height, layer.width});
    const auto maps = a.maps.mutable_values<float>();
    const std::int64_t batch = smooth.pass.network().fixed_batch.value_or(
        std::min<std::int64_t>(batch_size(inputs.bytes().size() / n * 2, smooth.options.memory_limit), 8));
    for (std::size_t item = 0; item < n; ++item) {
        const Tensor image = rows(inputs, static_cast<std::int64_t>(item), 1);
        for (std::size_t c = 0; c < m; ++c) {
            std::mt19937_64 random(smooth.options.seed);
            std::vector<double> g1(size, 0.0), g2(size, 0.0), g3(size, 0.0);
            const Tensor index =
                Tensor::of<std::int64_t>({1}, {out.class_indices.values<std::int64_t>()[item * m + c]});
            for (std::int64_t first = 0; first < smooth.samples; first += batch) {
                const std::int64_t count = std::min(batch, smooth.samples - first);
                const auto values = smooth.pass.run_given(noisy_copies(image, count, smooth.noise, random),
                                                          repeated_rows(index, count));
                const auto gradients = values[1].values<float>();
                for (std::size_t i = 0; i < gradients.size(); ++i) {
                    const double g = gradients[i];
                    g1[i % size] += g;
                    g2[i % size] += g * g;
                    g3[i % size] += g * g * g;
                }
            }
            for (auto* powers : {&g1, &g2, &g3}) {
                for (double& value : *powers) value /= static_cast<double>(smooth.samples);
            }
            write_map(out.values[c][0].values<float>().subspan(item * size, size), g1, g2, g3, channels,
                      smooth.options.eigen_smooth, maps.subspan((item * m + c) * positions, positions));
        }
    }
    return a;
}

}  // namespace

Prepared prepare_smooth_grad_cam_pp(const Network& network, const MethodOptions& options) {
    auto graph = std::make_unique<MapGraph>(network, options);
    if (graph->layers().size() != 1) throw Error(ErrorKind::usage, "smooth-grad-cam++ takes one layer");
    auto smooth =
        std::make_shared<Smooth>(Smooth{ClassPass(std::move(graph),
                                                  [](MapGraph& g, const Value& classes) {
                                                      return std::vector<Value>{g.features(0), g.gradient(0, classes)};
                                                  }),
                                        options});
    if (options.samples > 0) smooth->samples = options.samples;
    if (options.noise > 0) smooth->noise = options.noise;
    Prepared prepared;
    prepared.target_layer = joined_names(smooth->pass.layers());
    prepared.classes = smooth->pass.classes();
    prepared.explain = [smooth](const Tensor& inputs, const ClassSelection& classes) {
        return run(*smooth, inputs, classes);
    };
    return prepared;
}

}  // namespace locus::explain
