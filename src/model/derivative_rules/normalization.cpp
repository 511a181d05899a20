// Normalizations and softmax.

#include <cmath>

#include "model/derivative_rules/rule.hpp"

namespace locus::model {
namespace {

/// y (g - sum(g y))
void softmax(RuleContext& node) {
    const Value y = node.output(), gy = node.gradient() * y;
    node.give(0, gy - y * reduce_sum(gy, {node.node().int_or("axis", -1)}));
}

/// g - exp(y) sum(g)
void log_softmax(RuleContext& node) {
    const Value g = node.gradient();
    node.give(0, g - unary("Exp", node.output()) * reduce_sum(g, {node.node().int_or("axis", -1)}));
}

/// A parameter [C] as [C, 1, …], to line up with axis 1 of a tensor of `rank`.
Value per_channel(const Value& parameter, std::size_t rank) {
    Shape shape(rank - 1, 1);
    shape.at(0) = -1;
    return reshape(parameter, shape);
}

/// In use, not in training, it is a linear map: a scale and a shift for each channel.
void batch_normalization(RuleContext& node) {
    if (node.node().int_or("training_mode", 0) != 0) node.unsupported("it is in training mode");
    const Value scale = node.input(1), variance = node.input(4);
    const double epsilon = node.node().float_or("epsilon", 1e-5F);
    const auto rank = node.input().rank();
    if (node.wants(0)) {
        Gradient gradient = node.scaled_gradient();
        if (scale.known() != nullptr && variance.known() != nullptr) {
            Tensor factors = scale.known()->to_float32();
            const Tensor variances = variance.known()->to_float32();
            const auto values = factors.mutable_values<float>();
            for (std::int64_t c = 0; c < factors.size(); ++c) {
                values[c] = static_cast<float>(values[c] /
                                               std::sqrt(static_cast<double>(variances.values<float>()[c]) + epsilon));
            }
            if (gradient.channel_scale) {
                const Tensor before = gradient.channel_scale->to_float32();
                for (std::int64_t c = 0; c < factors.size(); ++c) values[c] *= before.values<float>()[c];
            }
            gradient.channel_scale = factors;
            node.give(0, std::move(gradient));
        } else {
            node.give(0, node.compact_gradient() * per_channel(scale / unary("Sqrt", variance + epsilon), rank));
        }
    }
    if (node.wants(1)) {
        const Value centred = node.input(0) - per_channel(node.input(3), rank);
        node.give(1, sum_per_channel(node.gradient() * centred) / unary("Sqrt", variance + epsilon));
    }
    if (node.wants(2)) node.give(2, sum_per_channel(node.gradient()));
    if (node.wants(3) || node.wants(4)) node.unsupported("its statistics depend on the layer asked for");
}

struct Normalized {
    Value normalized;  ///< (x - mean) / deviation
    Value inverse;     ///< 1 / deviation
};

Normalized normalize(const Value& x, const Ints& axes, double epsilon) {
    const Value centred = x - reduce_mean(x, axes);
    const Value inverse = unary("Reciprocal", unary("Sqrt", reduce_mean(centred * centred, axes) + epsilon));
    return {centred * inverse, inverse};
}

/// Back through (x - mean) / deviation, mean and deviation over `axes`.
Value through(const Normalized& n, const Value& g, const Ints& axes) {
    return (g - reduce_mean(g, axes) - n.normalized * reduce_mean(g * n.normalized, axes)) * n.inverse;
}

Ints axes_from(std::int64_t first, std::size_t rank) {
    Ints axes;
    for (auto i = positive_axis(first, rank); i < static_cast<std::int64_t>(rank); ++i) axes.push_back(i);
    return axes;
}

void layer_normalization(RuleContext& node) {
    if (node.has_gradient(1) || node.has_gradient(2)) node.unsupported("its mean or deviation is used as well");
    const Value x = node.input(), g = node.gradient();
    const auto axes = axes_from(node.node().int_or("axis", -1), x.rank());
    const auto n = normalize(x, axes, node.node().float_or("epsilon", 1e-5F));
    if (node.wants(0)) node.give(0, through(n, g * node.input(1), axes));
    if (node.wants(1)) node.give_broadcast(1, g * n.normalized);
    if (node.wants(2)) node.give_broadcast(2, g);
}

/// x / sqrt(mean(x²) + epsilon) * scale
void rms_normalization(RuleContext& node) {
    const Value x = node.input(), g = node.gradient();
    const auto axes = axes_from(node.node().int_or("axis", -1), x.rank());
    const Value inverse =
        unary("Reciprocal",
              unary("Sqrt", reduce_mean(x * x, axes) + static_cast<double>(node.node().float_or("epsilon", 1e-5F))));
    const Value n = x * inverse, scaled = g * node.input(1);
    if (node.wants(0)) node.give(0, (scaled - n * reduce_mean(scaled * n, axes)) * inverse);
    if (node.wants(1)) node.give_broadcast(1, g * n);
}

void instance_normalization(RuleContext& node) {
    const Value x = node.input(), g = node.gradient();
    const auto rank = x.rank();
    const auto axes = axes_from(2, rank);
    const auto n = normalize(x, axes, node.node().float_or("epsilon", 1e-5F));
    if (node.wants(0)) node.give(0, through(n, g * per_channel(node.input(1), rank), axes));
    if (node.wants(1)) node.give(1, sum_per_channel(g * n.normalized));
    if (node.wants(2)) node.give(2, sum_per_channel(g));
}

/// Instances of a group of channels at a time. Scale and bias are per group at opset 18 and per channel from 21 on.
void group_normalization(RuleContext& node) {
    const Value x = node.input(), g = node.gradient();
    const Shape shape = x.shape();
    const auto groups = node.node().int_or("num_groups", 1);
    Shape grouped{shape[0], groups, shape[1] / groups};
    grouped.insert(grouped.end(), shape.begin() + 2, shape.end());
    const auto axes = axes_from(2, grouped.size());
    const auto n = normalize(reshape(x, grouped), axes, node.node().float_or("epsilon", 1e-5F));
    const bool per_group = node.emit().opset() < 21;
    Shape scale_shape(grouped.size() - 1, 1);
    scale_shape[0] = groups;
    if (!per_group) scale_shape[1] = shape[1] / groups;
    const Value scale = reshape(node.input(1), scale_shape);
    const Value g_grouped = reshape(g, grouped);
    if (node.wants(0)) node.give(0, reshape_like(through(n, g_grouped * scale, axes), x));
    if (node.wants(1) || node.wants(2)) node.unsupported("its scale or bias depends on the layer asked for");
}

/// Sums over `size` neighbouring channels, `begin` before and `end` behind each.
Value sum_of_neighbours(const Value& x, std::int64_t begin, std::int64_t end) {
    const Shape shape = x.shape();
    const auto size = begin + end + 1;
    // Channels as the height of a picture of one channel, positions as its width.
    const Value rows = reshape(x, {shape[0], 1, shape[1], element_count({shape.begin() + 2, shape.end()})});
    const Value means = x.emitter().node(
        "AveragePool", {rows},
        {{"kernel_shape", Ints{size, 1}}, {"pads", Ints{begin, 0, end, 0}}, {"count_include_pad", std::int64_t{1}}});
    return reshape_like(means, x) * static_cast<double>(size);
}

/// y = x s^-beta, s = bias + alpha / size * sum of x² over neighbouring channels
void local_response_normalization(RuleContext& node) {
    const Value x = node.input(), g = node.gradient();
    const auto size = node.node().int_or("size", 1);
    const double alpha = node.node().float_or("alpha", 1e-4F), beta = node.node().float_or("beta", 0.75F),
                 bias = node.node().float_or("bias", 1.0F);
    const auto begin = (size - 1) / 2, end = size - 1 - begin;
    const Value s = sum_of_neighbours(x * x, begin, end) * (alpha / static_cast<double>(size)) + bias;
    const Value scaled = g * power(s, -beta);
    node.give(
        0, scaled - x * sum_of_neighbours(scaled * x / s, end, begin) * (2 * alpha * beta / static_cast<double>(size)));
}

/// x / (sum |x|^p)^(1/p) along an axis, p 1 or 2, and 0 where everything is 0: there it has no derivative, and 0 stands
/// for it.
void lp_normalization(RuleContext& node) {
    const Value x = node.input(), y = node.output(), g = node.gradient();
    const Ints axis{node.node().int_or("axis", -1)};
    const bool euclidean = node.node().int_or("p", 2) == 2;
    const Value sum = reduce_sum(euclidean ? x * x : unary("Abs", x), axis), some = greater(sum, 0);
    const Value positive = where(some, sum, x.emitter().number(1, x.type()));
    const Value norm = euclidean ? unary("Sqrt", positive) : positive;
    const Value direction = euclidean ? y : unary("Sign", x);
    node.give(0, (g - direction * reduce_sum(g * y, axis)) * (indicator(some, x.type()) / norm));
}

/// (x - mean) / sqrt(variance) over `axes`
void mean_variance_normalization(RuleContext& node) {
    const auto axes = node.node().ints_or("axes", {0, 2, 3});
    node.give(0, through(normalize(node.input(), axes, 0), node.gradient(), axes));
}

}  // namespace

const RuleTable& normalization_rules() {
    static const RuleTable table{
        {"BatchNormalization", batch_normalization},
        {"GroupNormalization", group_normalization},
        {"InstanceNormalization", instance_normalization},
        {"LRN", local_response_normalization},
        {"LayerNormalization", layer_normalization},
        {"LogSoftmax", log_softmax},
        {"LpNormalization", lp_normalization},
        {"MeanVarianceNormalization", mean_variance_normalization},
        {"RMSNormalization", rms_normalization},
        {"Softmax", softmax},
    };
    return table;
}

}  // namespace locus::model
