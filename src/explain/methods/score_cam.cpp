#include "explain/methods/score_cam.hpp"

#include <algorithm>
#include <memory>
#include <random>

#include "explain/batches.hpp"
#include "explain/class_pass.hpp"
#include "explain/fusion.hpp"
#include "explain/input_scores.hpp"
#include "explain/methods/principal_component.hpp"
#include "explain/random_numbers.hpp"
#include "explain/scores.hpp"

namespace locus::explain {
namespace {

enum class Masks { plain, noisy, integrated };

struct ScoreNetwork {
    InputScores scores;
    Masks masks = Masks::plain;
    int draws = 1;
    double noise = 0;
};

void min_max(std::span<float> map) {
    const auto [least, greatest] = std::minmax_element(map.begin(), map.end());
    const float low = *least, scale = 1.0F / (*greatest - *least + 1e-8F);
    for (float& value : map) value = (value - low) * scale;
}

/// Masks of the input's size for some channels [count, h, w], min-maxed.
Tensor channel_masks(Tensor channels, const Network& network, Variant variant) {
    const auto& p = network.preprocessing;
    const auto each = [](Tensor& maps) {
        const auto count = static_cast<std::size_t>(maps.shape()[0]);
        const auto values = maps.mutable_values<float>();
        for (std::size_t i = 0; i < count; ++i)
            min_max(values.subspan(i * (values.size() / count), values.size() / count));
    };
    if (variant == Variant::torchcam) {
        each(channels);
        return resized_maps(channels, p.height, p.width, false);
    }
    Tensor masks = resized_maps(channels, p.height, p.width, true);
    each(masks);
    return masks;
}

/// y of every asked class for every channel of one item: [m][K], means over the draws.
std::vector<std::vector<double>> channel_scores(const ScoreNetwork& network, const Tensor& image,
                                                std::span<const float> features, std::span<const std::int64_t> asked) {
    const TargetLayer& layer = network.scores.layer();
    const auto channels = static_cast<std::size_t>(layer.channels),
               positions = static_cast<std::size_t>(layer.positions());
    const auto classes = static_cast<std::size_t>(network.scores.classes());
    std::vector<std::vector<double>> result(asked.size(), std::vector<double>(channels, 0.0));
    std::mt19937_64 random(network.scores.options().seed);
    const auto batch = static_cast<std::size_t>(network.scores.batch());
    for (int draw = 0; draw < network.draws; ++draw) {
        for (std::size_t first = 0; first < channels; first += batch) {
            const std::size_t count = std::min(batch, channels - first);
            Tensor maps = Tensor::of<float>({static_cast<std::int64_t>(count), layer.height, layer.width},
                                            features.subspan(first * positions, count * positions));
            if (network.masks == Masks::noisy) {
                for (float& value : maps.mutable_values<float>())
                    value += static_cast<float>(network.noise * normal(random));
            }
            Tensor masks = channel_masks(std::move(maps), network.scores.network(), network.scores.options().variant);
            if (network.masks == Masks::integrated) {
                const float share = static_cast<float>(draw + 1) / static_cast<float>(network.draws);
                for (float& value : masks.mutable_values<float>()) value *= share;
            }
            const Tensor logits = network.scores.run(masked_inputs(network.scores.network(), image, masks, false));
            for (std::size_t i = 0; i < count; ++i) {
                const auto row = logits.values<float>().subspan(i * classes, classes);
                for (std::size_t c = 0; c < asked.size(); ++c)
                    result[c][first + i] += network.scores.score(row, asked[c]) / network.draws;
            }
        }
    }
    return result;
}

Attribution run(const ScoreNetwork& network, const Tensor& inputs, const ClassSelection& classes) {
    const auto [logits, features] = network.scores.run_with_features(inputs);
    const TargetLayer& layer = network.scores.layer();
    Attribution a{.logits = logits, .class_indices = selected_classes(logits, classes)};
    const auto n = static_cast<std::size_t>(inputs.shape()[0]),
               m = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto channels = static_cast<std::size_t>(layer.channels),
               positions = static_cast<std::size_t>(layer.positions());
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], static_cast<std::int64_t>(m), layer.height, layer.width});
    const auto maps = a.maps.mutable_values<float>();
    for (std::size_t item = 0; item < n; ++item) {
        const auto own = features.values<float>().subspan(item * channels * positions, channels * positions);
        auto weights = channel_scores(network, rows(inputs, static_cast<std::int64_t>(item), 1), own,
                                      a.class_indices.values<std::int64_t>().subspan(item * m, m));
        for (std::size_t c = 0; c < m; ++c) {
            softmax(weights[c]);
            const auto map = weighted_sum(own, weights[c], positions, network.scores.options().eigen_smooth);
            std::copy(map.begin(), map.end(), maps.begin() + static_cast<std::ptrdiff_t>((item * m + c) * positions));
        }
    }
    return a;
}

Prepared prepare(const Network& network, const MethodOptions& options, Masks masks, int draws, double noise) {
    auto opened =
        std::make_shared<ScoreNetwork>(ScoreNetwork{InputScores(network, options, true), masks, draws, noise});
    Prepared prepared;
    prepared.target_layer = opened->scores.layer().tensor;
    prepared.classes = opened->scores.classes();
    prepared.explain = [opened](const Tensor& inputs, const ClassSelection& classes) {
        return run(*opened, inputs, classes);
    };
    return prepared;
}

}  // namespace

Prepared prepare_score_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, Masks::plain, 1, 0);
}

Prepared prepare_ss_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, Masks::noisy, options.samples > 0 ? options.samples : 35,
                   options.noise > 0 ? options.noise : 2.0);
}

Prepared prepare_is_cam(const Network& network, const MethodOptions& options) {
    return prepare(network, options, Masks::integrated, options.steps > 0 ? options.steps : 10, 0);
}

}  // namespace locus::explain
