#include "evaluate/baseline.hpp"

#include <cmath>
#include <vector>

#include "evaluate/random.hpp"

namespace locus::evaluate {
namespace {

Map centred_box(int width, int height) {
    Map map{width, height, std::vector<float>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height))};
    const double share = std::sqrt(0.5);
    const double left = width * (1 - share) / 2, top = height * (1 - share) / 2;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const bool in = x + 0.5 > left && x + 0.5 < width - left && y + 0.5 > top && y + 0.5 < height - top;
            map.at(x, y) = in ? 1.0F : 0.0F;
        }
    }
    return map;
}

/// The Gaussian of one side at the centres of its pixels, and the same to the bit from either end.
std::vector<double> gaussian_of_side(int size) {
    std::vector<double> values;
    for (int i = 0; i < size; ++i) {
        const double u = std::abs(2 * i + 1 - size) / (2.0 * size);
        values.push_back(std::exp(-u * u / (2 * 0.25 * 0.25)));
    }
    return values;
}

Map centre_gaussian(int width, int height) {
    const std::vector<double> across = gaussian_of_side(width), down = gaussian_of_side(height);
    Map map{width, height, {}};
    map.values.reserve(across.size() * down.size());
    for (const double v : down) {
        for (const double u : across) map.values.push_back(static_cast<float>(u * v));
    }
    return map;
}

Map random_map(std::uint64_t seed) {
    constexpr int side = 14;
    Random random(seed);
    Map map{side, side, std::vector<float>(std::size_t{side} * side)};
    for (float& value : map.values) value = static_cast<float>(random.uniform());
    return map;
}

}  // namespace

const std::vector<Baseline>& baselines() {
    static const std::vector<Baseline> all{Baseline::whole_image, Baseline::centred_box, Baseline::centre_gaussian,
                                           Baseline::random};
    return all;
}

std::string name(Baseline baseline) {
    switch (baseline) {
        case Baseline::whole_image:
            return "whole image";
        case Baseline::centred_box:
            return "centred box";
        case Baseline::centre_gaussian:
            return "centre Gaussian";
        case Baseline::random:
            return "random map";
    }
    return {};
}

Map baseline_map(Baseline baseline, int width, int height, std::uint64_t seed) {
    switch (baseline) {
        case Baseline::whole_image:
            break;
        case Baseline::centred_box:
            return centred_box(width, height);
        case Baseline::centre_gaussian:
            return centre_gaussian(width, height);
        case Baseline::random:
            return random_map(seed);
    }
    return {1, 1, {1.0F}};
}

ScoreMap baseline_scores(Baseline baseline, int side, std::uint64_t seed) {
    if (baseline == Baseline::whole_image) {
        return {side, std::vector<double>(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 1.0)};
    }
    return score_map(baseline_map(baseline, side, side, seed), side);
}

}  // namespace locus::evaluate
