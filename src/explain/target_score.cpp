#include "explain/target_score.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include <fmt/format.h>

#include "explain/scores.hpp"
#include "locus/error.hpp"

namespace locus::explain {
namespace {

using model::Value;

std::vector<float> reference_values(const TargetScore& target, std::int64_t size) {
    if (!target.reference || target.reference->size() != size) {
        throw Error(ErrorKind::usage, fmt::format("the reference embedding has {} values where the network makes {}",
                                                  target.reference ? target.reference->size() : 0, size));
    }
    const Tensor reference = target.reference->to_float32();
    return {reference.values<float>().begin(), reference.values<float>().end()};
}

Value one_hot(model::Emitter& emit, const Value& classes, std::int64_t count) {
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    const Value each = emit.constant(Tensor::of<std::int64_t>({1, count}, std::span<const std::int64_t>(numbers)));
    return model::indicator(model::equal(model::reshape(classes, {-1, 1}), each), DataType::float32);
}

/// e_c - alpha / count at the `count` other classes whose logits are nearest to the class's own.
Value difference_gradient(model::Emitter& emit, const TargetScore& target, const Value& logits, const Value& own,
                          std::int64_t classes) {
    const std::int64_t count = std::min<std::int64_t>(target.nearest, classes - 1);
    if (count < 1) return own;
    const Value own_logit = model::reduce_sum(logits * own, {1});
    const Value distance = model::unary("Abs", logits - own_logit) + own * 1e30;
    const Value nearest =
        emit.node_with_outputs("TopK", {-distance, emit.ints({count})}, 2, {{"axis", std::int64_t{1}}})[1];
    Value gradient = own;
    for (std::int64_t i = 0; i < count; ++i) {
        gradient = gradient - one_hot(emit, model::slice(nearest, 1, i, i + 1), classes) *
                                  (target.alpha / static_cast<double>(count));
    }
    return gradient;
}

Value similarity_gradient(model::Emitter& emit, const TargetScore& target, const Value& embedding, std::int64_t size) {
    auto reference = reference_values(target, size);
    double norm = 0;
    for (const float v : reference) norm += static_cast<double>(v) * v;
    for (float& v : reference) v = static_cast<float>(v / std::sqrt(std::max(norm, 1e-30)));
    const Value unit = emit.constant(Tensor::of<float>({1, size}, std::span<const float>(reference)));
    const Value length = model::unary("Sqrt", model::reduce_sum(embedding * embedding, {1}) + 1e-30);
    const Value direction = embedding / length;
    return (unit - direction * model::reduce_sum(direction * unit, {1})) / length;
}

}  // namespace

void require_suitable(const TargetScore& target) {
    if (target.mask && target.kind != TargetKind::mask)
        throw Error(ErrorKind::usage, "a mask is given, which is for the target mask, but another target is explained");
    if (target.kind != TargetKind::similarity) {
        if (!target.reference) return;
        throw Error(ErrorKind::usage,
                    "an embedding or image to compare with is given, which is for the target similarity, but another "
                    "target is explained");
    }
    if (!target.reference)
        throw Error(ErrorKind::usage,
                    "the target similarity needs what to compare with: a photo (target image) or an embedding");
    const Tensor reference = target.reference->to_float32();
    const auto values = reference.values<float>();
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); }))
        throw Error(ErrorKind::usage, "the reference embedding holds NaN or infinity: finite numbers are compared");
    if (std::ranges::all_of(values, [](float v) { return v == 0; }))
        throw Error(ErrorKind::usage,
                    "the reference embedding has no direction to compare with: it has no value other than 0");
}

ScoreExtents score_extents(const Shape& scores) {
    ScoreExtents extents;
    if (scores.size() < 2) return extents;
    // [n, 1, C] and [n, 1, 1, C] are as good as [n, C]; of [n, 1, h, w] the one class has positions.
    std::vector<std::int64_t> long_axes;
    std::copy_if(scores.begin() + 1, scores.end(), std::back_inserter(long_axes), [](auto size) { return size != 1; });
    if (long_axes.size() == 1) return {.classes = long_axes.front()};
    extents.classes = scores[1];
    for (std::size_t i = 2; i < scores.size(); ++i) extents.positions *= scores[i];
    return extents;
}

Tensor mask_weights(const TargetScore& target, std::int64_t positions) {
    Tensor result(DataType::float32, {1, 1, positions});
    const auto weights = result.mutable_values<float>();
    std::fill(weights.begin(), weights.end(), 1.0F);
    if (target.mask) {
        if (target.mask->size() != positions) {
            throw Error(ErrorKind::usage,
                        fmt::format("the target mask has {} values where the scores have {} positions",
                                    target.mask->size(), positions));
        }
        const Tensor mask = target.mask->to_float32();
        std::transform(mask.values<float>().begin(), mask.values<float>().end(), weights.begin(),
                       [](float v) { return v > 0 ? 1.0F : 0.0F; });
    }
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F);
    if (sum == 0) throw Error(ErrorKind::usage, "the target mask is empty: no value above 0");
    for (float& weight : weights) weight /= sum;
    return result;
}

std::vector<std::int64_t> nearest_classes(std::span<const float> logits, std::int64_t index, int count) {
    std::vector<std::int64_t> order;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (static_cast<std::int64_t>(i) != index) order.push_back(static_cast<std::int64_t>(i));
    }
    const float own = logits[static_cast<std::size_t>(index)];
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
        return std::abs(logits[static_cast<std::size_t>(a)] - own) <
               std::abs(logits[static_cast<std::size_t>(b)] - own);
    });
    order.resize(std::min(order.size(), static_cast<std::size_t>(std::max(count, 0))));
    return order;
}

double score(const TargetScore& target, std::span<const float> logits, std::int64_t index,
             model::Activation activation) {
    const auto at = static_cast<std::size_t>(index);
    switch (target.kind) {
        case TargetKind::logit:
            return logits[at];
        case TargetKind::probability:
            return probabilities(logits, activation)[at];
        case TargetKind::difference: {
            const auto others = nearest_classes(logits, index, target.nearest);
            double sum = 0;
            for (const auto other : others) sum += logits[static_cast<std::size_t>(other)];
            return others.empty() ? logits[at] : logits[at] - target.alpha * sum / static_cast<double>(others.size());
        }
        case TargetKind::mask:
            return logits[at];  // logits are means over the mask by then
        case TargetKind::similarity: {
            const auto reference = reference_values(target, static_cast<std::int64_t>(logits.size()));
            double product = 0, own = 0, other = 0;
            for (std::size_t i = 0; i < logits.size(); ++i) {
                product += static_cast<double>(logits[i]) * reference[i];
                own += static_cast<double>(logits[i]) * logits[i];
                other += static_cast<double>(reference[i]) * reference[i];
            }
            return product / std::sqrt(std::max(own * other, 1e-60));
        }
    }
    return 0;
}

model::Seed write_seed(model::Emitter& emit, const Network& network, const TargetScore& target,
                       const std::string& logits, const Value& classes) {
    const Value scores = emit.value(logits);
    const Shape shape = scores.shape();
    const bool flat = shape.size() == 2;
    if (target.kind == TargetKind::logit && flat) return model::Seed::one_hot(logits, classes.name());

    const auto [count, positions] = score_extents(shape);
    if (count < 1 || positions < 1)
        throw Error(ErrorKind::unsupported, fmt::format("the scores '{}' have the shape {}", logits, to_string(shape)));
    const Value own = one_hot(emit, classes, count);
    Value gradient = own;
    if (positions > 1) {
        if (target.kind != TargetKind::logit && target.kind != TargetKind::mask) {
            throw Error(ErrorKind::unsupported,
                        "scores with positions (a segmentation network's) are explained by the target 'mask'");
        }
        gradient = model::reshape(own, {-1, count, 1}) * emit.constant(mask_weights(target, positions));
    } else if (target.kind != TargetKind::logit && target.kind != TargetKind::mask) {
        const Value vector = model::reshape(model::cast(scores, DataType::float32), {-1, count});
        if (target.kind == TargetKind::probability) {
            const bool sigmoid = network.head.activation == model::Activation::sigmoid || count == 1;
            if (sigmoid) {
                const Value p = model::unary("Sigmoid", vector);
                gradient = own * p * (1.0 - p);
            } else {
                const Value p = emit.node("Softmax", {vector}, {{"axis", std::int64_t{1}}});
                gradient = model::reduce_sum(p * own, {1}) * (own - p);
            }
        } else if (target.kind == TargetKind::difference) {
            gradient = difference_gradient(emit, target, vector, own, count);
        } else {
            gradient = similarity_gradient(emit, target, vector, count);
        }
    }
    return model::Seed::with(logits, model::reshape_like(model::cast(gradient, scores.type()), scores).name());
}

}  // namespace locus::explain
