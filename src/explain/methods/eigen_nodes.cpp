#include "explain/methods/eigen_cam.hpp"

#include <algorithm>
#include <random>

#include "explain/map_graph.hpp"
#include "explain/methods/gradient_cam.hpp"
#include "explain/random_numbers.hpp"

namespace locus::explain {
namespace {

using model::Value;

/// Squarings of the Gram matrix: its powers up to 2^18 leave nothing of a second direction that is 0.01 % weaker.
constexpr int squarings = 18;

Value length(const Value& vector, std::int64_t axis) {
    return model::unary("Sqrt", model::reduce_sum(vector * vector, {axis}) + 1e-30);
}

/// The unit eigenvector [n, size, 1] of a batch of symmetric matrices [n, size, size].
Value greatest_eigenvector(model::Emitter& emit, const Value& gram, std::int64_t size) {
    Value power = gram;
    for (int i = 0; i <= squarings; ++i) {
        if (i > 0) power = model::matmul(power, power);
        power = power / model::reshape(length(model::reshape(power, {-1, size * size, 1}), 1), {-1, 1, 1});
    }
    Tensor start(DataType::float32, {1, size, 1});
    std::mt19937_64 random(1);
    for (float& value : start.mutable_values<float>()) value = static_cast<float>(normal(random));
    const Value direction = model::matmul(power, emit.constant(start));
    return direction / length(direction, 1);
}

/// Correlation of two maps [n, 1, positions]: [n, 1, 1].
Value correlation_nodes(const Value& a, const Value& b) {
    const Value x = a - model::reduce_mean(a, {2}), y = b - model::reduce_mean(b, {2});
    return model::reduce_sum(x * y, {2}) / (length(x, 2) * length(y, 2));
}

Value principal_nodes(MapGraph& graph, std::size_t layer, const Value& terms, const Value& evidence) {
    const TargetLayer& target = graph.layers()[layer];
    const Value x = terms - model::reduce_mean(terms, {2});  // [n, K, positions]
    const Value turned = model::transpose(x, {0, 2, 1});
    Value map;  // [n, 1, positions]
    if (target.positions() <= target.channels) {
        const Value u = greatest_eigenvector(graph.emit(), model::matmul(turned, x), target.positions());
        // u is the left singular vector; X X' u = s^2 u.
        const Value product = model::matmul(x, u);  // [n, K, 1], of length s
        map = model::transpose(u * length(product, 1), {0, 2, 1});
    } else {
        const Value v = greatest_eigenvector(graph.emit(), model::matmul(x, turned), target.channels);
        map = model::matmul(model::transpose(v, {0, 2, 1}), x);
    }
    const Value a = graph.features(layer);
    const Value by_energy = correlation_nodes(map, model::reduce_sum(a * a, {1}));
    const Value by_evidence = correlation_nodes(map, evidence);
    const Value decided = model::less(model::unary("Abs", by_energy), 0.05);
    const Value sign = model::where(decided, by_evidence, by_energy);
    const Value turn = model::indicator(model::less(sign, 0.0), DataType::float32) * -2.0 + 1.0;
    return graph.shaped(map * turn, layer);
}

}  // namespace

Value eigen_cam_nodes(MapGraph& graph, std::size_t layer, const Value& classes) {
    const Value a = graph.features(layer);
    return principal_nodes(graph, layer, a, model::reduce_sum(graph.gradient(layer, classes) * a, {1}));
}

Value eigengrad_cam_nodes(MapGraph& graph, std::size_t layer, const Value& classes) {
    const Value terms = graph.gradient(layer, classes) * graph.features(layer);
    return principal_nodes(graph, layer, terms, model::reduce_sum(terms, {1}));
}

}  // namespace locus::explain
