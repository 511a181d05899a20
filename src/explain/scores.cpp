#include "explain/scores.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace locus::explain {

void softmax(std::span<double> values) {
    const double greatest = *std::max_element(values.begin(), values.end());
    double sum = 0;
    for (double& value : values) sum += value = std::exp(value - greatest);
    for (double& value : values) value /= sum;
}

std::vector<double> probabilities(std::span<const float> logits, model::Activation activation) {
    std::vector<double> result(logits.begin(), logits.end());
    if (activation == model::Activation::sigmoid || logits.size() == 1) {
        for (double& value : result) value = 1.0 / (1.0 + std::exp(-value));
        return result;
    }
    softmax(result);
    return result;
}

int rank_of(std::span<const float> logits, std::int64_t index) {
    const float own = logits[static_cast<std::size_t>(index)];
    int rank = 1;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const bool before = logits[i] > own || (logits[i] == own && static_cast<std::int64_t>(i) < index);
        rank += before ? 1 : 0;
    }
    return rank;
}

std::vector<std::int64_t> best_classes(std::span<const float> logits, int k) {
    std::vector<std::int64_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto wanted = order.begin() + std::min<std::ptrdiff_t>(k, static_cast<std::ptrdiff_t>(order.size()));
    std::partial_sort(order.begin(), wanted, order.end(), [&](std::int64_t a, std::int64_t b) {
        const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
        return x > y || (x == y && a < b);
    });
    order.erase(wanted, order.end());
    return order;
}

}  // namespace locus::explain
