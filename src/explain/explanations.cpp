#include "explain/explanations.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "explain/scores.hpp"
#include "text/label_names.hpp"

namespace locus::explain {
namespace {

/// What is to be said of a map that shows nothing.
std::string note_on(const Map& map, FinalMap final_map, int sign) {
    if (!std::all_of(map.values.begin(), map.values.end(), [](float value) { return std::isfinite(value); })) {
        return "the map holds values that are not finite numbers";
    }
    const auto [least, greatest] = std::minmax_element(map.values.begin(), map.values.end());
    if (*least == *greatest) return "the map is constant: no position counts more than another";
    const bool none_positive = sign < 0 ? *least >= 0 : *greatest <= 0;
    if (final_map == FinalMap::relu && none_positive)
        return "no position speaks for this class: the map has no positive value";
    return {};
}

/// The channels whose weighted maps add most, in amount, to the class's map.
std::vector<Part> greatest_parts(const Attribution& a, std::size_t item, std::size_t asked, int count) {
    const auto m = static_cast<std::size_t>(a.weights->shape()[1]),
               channels = static_cast<std::size_t>(a.weights->shape()[2]);
    const int height = static_cast<int>(a.maps.shape()[2]), width = static_cast<int>(a.maps.shape()[3]);
    const std::size_t positions = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    const auto weights = a.weights->values<float>().subspan((item * m + asked) * channels, channels);
    const auto features = a.features->values<float>().subspan(item * channels * positions, channels * positions);
    std::vector<std::pair<double, std::size_t>> amounts;
    for (std::size_t k = 0; k < channels; ++k) {
        if (weights[k] == 0) continue;
        const auto map = features.subspan(k * positions, positions);
        amounts.emplace_back(std::abs(weights[k] * std::accumulate(map.begin(), map.end(), 0.0)), k);
    }
    std::sort(amounts.begin(), amounts.end(), [](const auto& x, const auto& y) {
        return x.first > y.first || (x.first == y.first && x.second < y.second);
    });
    amounts.resize(std::min(amounts.size(), static_cast<std::size_t>(count)));
    std::vector<Part> parts;
    for (const auto& [amount, k] : amounts) {
        const auto map = features.subspan(k * positions, positions);
        parts.push_back(
            {static_cast<int>(k), weights[k], {.width = width, .height = height, .values = {map.begin(), map.end()}}});
    }
    return parts;
}

/// A single score is a probability only where the model says so with a sigmoid: else it may be a regression's.
bool has_probabilities(const Network& network, const TargetScore& target, std::size_t classes) {
    return target.kind != TargetKind::similarity &&
           (classes > 1 || network.head.activation == model::Activation::sigmoid);
}

/// The class, its place among the others and the numbers that the network gives it.
Explanation scored(std::int64_t index, std::span<const float> logits, std::span<const double> shares,
                   const Network& network, const TargetScore& target) {
    const auto place = static_cast<std::size_t>(index);
    Explanation e;
    e.class_index = static_cast<int>(index);
    e.logit = logits[place];
    e.score = score(target, logits, index, network.head.activation);
    if (target.kind == TargetKind::similarity) {
        e.class_name = e.short_name = "similarity to the reference";
        e.rank = 1;
        e.logit = e.score;
        return e;
    }
    if (place < network.labels.size()) e.class_name = network.labels[place];
    e.short_name = text::short_name(network.labels, place);
    e.rank = rank_of(logits, index);
    if (has_probabilities(network, target, logits.size())) e.probability = shares[place];
    return e;
}

/// The map that stands at `place` among those of all items, and how it is to be read.
void add_map(Explanation& e, const Attribution& a, std::size_t place, FinalMap final_map) {
    const int height = static_cast<int>(a.maps.shape()[2]), width = static_cast<int>(a.maps.shape()[3]);
    const std::size_t positions = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
    const auto values = a.maps.values<float>().subspan(place * positions, positions);
    e.map = {.width = width, .height = height, .values = {values.begin(), values.end()}};
    if (a.bias) e.bias = a.bias->values<float>()[place];
    if (!a.signs.empty()) e.sign = a.signs[place];
    if (!a.signs_by.empty()) e.sign_by = a.signs_by[place];
    if (final_map == FinalMap::min_max)
        e.zero = e.sign < 0 ? std::ranges::max(e.map.values) : std::ranges::min(e.map.values);
    e.note = a.note.empty() ? note_on(e.map, final_map, e.sign) : a.note;
    if (e.note.empty() && !a.notes.empty()) e.note = a.notes[place];
}

}  // namespace

std::vector<Explanation> explanations_of(const Attribution& a, std::size_t item, const Network& network,
                                         const TargetScore& target, FinalMap final_map, int parts) {
    const auto asked = static_cast<std::size_t>(a.class_indices.shape()[1]);
    const auto indices = a.class_indices.values<std::int64_t>().subspan(item * asked, asked);
    const auto classes = static_cast<std::size_t>(a.logits.shape()[1]);
    const auto logits = a.logits.values<float>().subspan(item * classes, classes);
    const std::vector<double> shares = probabilities(logits, network.head.activation);
    std::vector<Explanation> result;
    for (std::size_t c = 0; c < asked; ++c) {
        if (std::find(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(c), indices[c]) !=
            indices.begin() + static_cast<std::ptrdiff_t>(c))
            continue;
        Explanation e = scored(indices[c], logits, shares, network, target);
        add_map(e, a, item * asked + c, final_map);
        if (parts > 0 && a.weights && a.features) e.parts = greatest_parts(a, item, c, parts);
        result.push_back(std::move(e));
    }
    return result;
}

}  // namespace locus::explain
