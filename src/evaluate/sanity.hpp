#pragma once

/// Does a map show what the network has learned? Its weights are made random, layer by layer from the scores down, each
/// step keeping what the steps before did; a map that stays as it was shows the image, not the network (Adebayo et al.
/// 2018, "Sanity Checks for Saliency Maps").
///
///     SanityResult result = sanity_check(network, inputs, {.methods = {"grad-cam", "eigen-cam"}});
///     result.methods[1].rank_correlation[10];     // with the untouched network's map, after the last step, an image each
///
/// At each step all methods explain the class that the untouched network found most probable.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "explain/method.hpp"
#include "locus/map.hpp"

namespace locus::evaluate {

struct SanityOptions {
    std::vector<std::string> methods;
    explain::MethodOptions method;
    int steps = 10;  ///< the last layer is a step, the others are dealt out evenly over the rest
    std::uint64_t seed = 0;
};

struct SanityStep {
    std::vector<std::string> layers;  ///< made random at this step; empty for step 0, the untouched network
    double share = 0;                 ///< of all layers, up to and with this step
};

/// What is said of a method whose map does not follow the weights as it should.
enum class SanityVerdict {
    follows,
    ignores_scores,   ///< the map stays while the layers behind the target layer become random: it is no class's map
    ignores_weights,  ///< the map of a network of random weights still resembles the true one
    undecided         ///< neither was seen, and at the first or the last step no map was finite: nothing to compare
};
std::string_view name(SanityVerdict verdict);  ///< "follows", "ignores the scores", "ignores the weights", "undecided"

/// The last step's mean rank correlation from which a map counts as still resembling the true one. Chance gives 0 on
/// average.
inline constexpr double resembling = 0.5;
/// The first step's from which it counts as unchanged.
inline constexpr double unchanged = 0.999;

/// Of [step][image], the untouched network's step first.
SanityVerdict verdict_of(const std::vector<std::vector<double>>& rank_correlation);

struct MethodSanity {
    std::string method, layer;
    /// [step][image], of raw maps, 1 at step 0; NaN where a map is not finite.
    std::vector<std::vector<double>> rank_correlation;
    std::vector<std::vector<double>> structural_similarity;  ///< [step][image], of the maps as they are shown
    std::vector<Map> raw;                                    ///< [image], of the untouched network
    std::vector<std::vector<Map>> shown;                     ///< [step][image], 0 at no evidence
    SanityVerdict verdict = SanityVerdict::undecided;
};

struct SanityResult {
    std::vector<SanityStep> steps;
    std::vector<MethodSanity> methods;
    std::vector<int> classes;           ///< explained for each image
    std::vector<std::string> warnings;  ///< what a reader of the verdicts must know of the methods on this network
};

/// Mean over images, those that are not numbers left out; NaN where none is.
double mean_of(const std::vector<double>& values);

/// `inputs` are preprocessed, [n, C, H, W]. Throws Error(unsupported) for a network without weights of rank 2, and what
/// the methods' prepare functions throw.
SanityResult sanity_check(const explain::Network& network, const Tensor& inputs, const SanityOptions& options,
                          const std::function<void(std::size_t done, std::size_t steps)>& progress = {});

}  // namespace locus::evaluate
