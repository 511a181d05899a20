#include "evaluate/sanity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "evaluate/metrics/score_map.hpp"
#include "evaluate/metrics/similarity.hpp"
#include "evaluate/random_weights.hpp"
#include "evaluate/shown_map.hpp"
#include "explain/batches.hpp"
#include "explain/method_choice.hpp"
#include "explain/scores.hpp"
#include "explain/settings.hpp"
#include "explain/shared_pass.hpp"
#include "locus/boxes.hpp"
#include "locus/error.hpp"

namespace locus::evaluate {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// In 0..1, at a size at which the window of structural similarity has a meaning.
Map normalised(const Map& shown) {
    constexpr int side = 64;
    Map map = shown.width >= side ? shown : upsample(shown, side, std::max(1, side * shown.height / shown.width));
    const float greatest = *std::max_element(map.values.begin(), map.values.end());
    if (greatest > 0) {
        for (float& value : map.values) value /= greatest;
    }
    return map;
}

struct StepMaps {
    std::vector<std::vector<Map>> raw;  // [method][image]
    std::vector<std::string> layers;
};

/// Maps of each image's own class, by each method.
StepMaps maps_of(const explain::Network& network, const Tensor& inputs, const std::vector<int>& classes,
                 const std::vector<const explain::Method*>& methods, const explain::MethodOptions& options) {
    const explain::SharedMethods prepared(network, methods, options);
    StepMaps step;
    step.raw.resize(methods.size());
    for (std::size_t i = 0; i < methods.size(); ++i) step.layers.push_back(prepared.target_layer(i));
    for (std::size_t image = 0; image < classes.size(); ++image) {
        const auto all = prepared.explain(explain::rows(inputs, static_cast<std::int64_t>(image), 1),
                                          {.top_k = 0, .indices = {classes[image]}});
        for (std::size_t i = 0; i < all.size(); ++i) step.raw[i].push_back(upright_map(all[i], 0));
    }
    return step;
}

std::vector<int> best_classes(const explain::Network& network, const Tensor& inputs,
                              const std::vector<const explain::Method*>& methods,
                              const explain::MethodOptions& options) {
    const explain::SharedMethods prepared(network, {methods.front()}, options);
    std::vector<int> classes;
    for (std::int64_t image = 0; image < inputs.shape()[0]; ++image) {
        const auto a = prepared.explain(explain::rows(inputs, image, 1), {.top_k = 1});
        classes.push_back(static_cast<int>(a.front().class_indices.values<std::int64_t>()[0]));
    }
    return classes;
}

/// Layers dealt out over the steps, from the scores down: the last one by itself, so that the first step shows whether
/// the map is the class's.
std::vector<SanityStep> dealt_out(const std::vector<WeightedLayer>& layers, int wanted) {
    const std::size_t count = std::min(layers.size(), static_cast<std::size_t>(std::max(wanted, 1)));
    std::vector<SanityStep> steps(count + 1);
    for (std::size_t step = 1; step <= count; ++step) {
        const auto end_of = [&](std::size_t s) {
            return count == 1 ? s * layers.size() : s == 0 ? 0 : 1 + (s - 1) * (layers.size() - 1) / (count - 1);
        };
        const std::size_t first = end_of(step - 1), last = end_of(step);
        for (std::size_t i = first; i < last; ++i) steps[step].layers.push_back(layers[i].node);
        steps[step].share = static_cast<double>(last) / static_cast<double>(layers.size());
    }
    return steps;
}

}  // namespace

std::string_view name(SanityVerdict verdict) {
    switch (verdict) {
        case SanityVerdict::follows:
            return "follows";
        case SanityVerdict::ignores_scores:
            return "ignores the scores";
        case SanityVerdict::ignores_weights:
            return "ignores the weights";
        case SanityVerdict::undecided:
            return "undecided";
    }
    return {};
}

SanityVerdict verdict_of(const std::vector<std::vector<double>>& rank_correlation) {
    if (rank_correlation.size() < 2) return SanityVerdict::undecided;
    const double first = mean_of(rank_correlation[1]), last = mean_of(rank_correlation.back());
    if (last >= resembling) return SanityVerdict::ignores_weights;
    if (first >= unchanged) return SanityVerdict::ignores_scores;
    return std::isfinite(first) && std::isfinite(last) ? SanityVerdict::follows : SanityVerdict::undecided;
}

double mean_of(const std::vector<double>& values) {
    double sum = 0;
    std::size_t count = 0;
    for (const double value : values) {
        if (!std::isfinite(value)) continue;
        sum += value;
        ++count;
    }
    return count == 0 ? not_a_number : sum / static_cast<double>(count);
}

SanityResult sanity_check(const explain::Network& network, const Tensor& inputs, const SanityOptions& options,
                          const std::function<void(std::size_t done, std::size_t steps)>& progress) {
    explain::Network changed = network;
    const auto methods = explain::named_methods(options.methods, changed, options.method);
    if (methods.empty()) throw Error(ErrorKind::usage, "a sanity check needs a method to look at");
    explain::require_effect(methods, options.method);
    if (options.method.augment)
        throw Error(ErrorKind::usage,
                    "a sanity check compares single maps: augment, which averages over several, is left out");
    const auto layers = weighted_layers(network.model.graph, network.input, network.head.logits);
    if (layers.empty()) {
        throw Error(ErrorKind::unsupported,
                    fmt::format("{} has no weights of two dimensions or more that could be made random",
                                network.file.string()));
    }

    SanityResult result;
    result.warnings.assign(changed.warnings.begin() + static_cast<std::ptrdiff_t>(network.warnings.size()),
                           changed.warnings.end());
    result.steps = dealt_out(layers, options.steps);
    result.classes = best_classes(network, inputs, methods, options.method);
    std::size_t done = 0;  // layers
    for (std::size_t step = 0; step < result.steps.size(); ++step) {
        for (std::size_t i = 0; i < result.steps[step].layers.size(); ++i)
            randomise_weights(changed.model.graph, layers[done++].weights, options.seed);
        StepMaps maps = maps_of(changed, inputs, result.classes, methods, options.method);
        if (step == 0) {
            for (std::size_t m = 0; m < methods.size(); ++m)
                result.methods.push_back({.method = methods[m]->name, .layer = maps.layers[m]});
        }
        for (std::size_t m = 0; m < methods.size(); ++m) {
            MethodSanity& method = result.methods[m];
            auto& correlations = method.rank_correlation.emplace_back();
            auto& similarities = method.structural_similarity.emplace_back();
            auto& shown = method.shown.emplace_back();
            for (std::size_t image = 0; image < result.classes.size(); ++image) {
                Map& raw = maps.raw[m][image];
                const bool finite = is_finite(raw);
                if (!finite) std::fill(raw.values.begin(), raw.values.end(), 0.0F);
                shown.push_back(evidence_of(raw, methods[m]->final_map));
                if (step == 0) method.raw.push_back(raw);
                const Map &true_raw = method.raw[image], &true_shown = method.shown.front()[image];
                correlations.push_back(finite ? rank_correlation(true_raw.values, raw.values) : not_a_number);
                similarities.push_back(finite ? structural_similarity(normalised(true_shown), normalised(shown.back()))
                                              : not_a_number);
            }
        }
        if (progress) progress(step + 1, result.steps.size());
    }
    for (MethodSanity& method : result.methods) method.verdict = verdict_of(method.rank_correlation);
    return result;
}

}  // namespace locus::evaluate
