#include "model/derivative_rules/rule.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

constexpr std::array families{activation_rules,   arithmetic_rules, convolution_rules,   indexing_rules,
                              layout_rules,       linear_rules,     normalization_rules, pooling_rules,
                              quantization_rules, reduction_rules,  resize_rules};

}  // namespace

Rule find_rule(const Node& node) {
    if (!node.domain.empty()) return nullptr;
    for (const auto& family : families) {
        if (const auto found = family().find(node.op_type); found != family().end()) return found->second;
    }
    return nullptr;
}

std::vector<std::string> differentiable_operators() {
    std::vector<std::string> names;
    for (const auto& family : families) {
        for (const auto& [name, rule] : family()) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

RuleContext::RuleContext(Emitter& emitter, const Node& node, std::vector<std::optional<Gradient>> gradients,
                         std::vector<bool> wanted, const DifferentiateOptions& options)
    : emitter_(&emitter),
      node_(node),
      gradients_(std::move(gradients)),
      wanted_(std::move(wanted)),
      options_(&options) {}

const Tensor& RuleContext::constant(std::size_t i, const std::string& what) {
    const Tensor* value = emitter_->shapes().value(node_.input(i));
    if (value == nullptr)
        unsupported(fmt::format("its {} ({}) is computed while the network runs", what, text::quote(node_.input(i))));
    return *value;
}

Value RuleContext::compact_gradient(std::size_t i) {
    if (!has_gradient(i)) return zeros_like(output(i));
    gradients_[i] = Gradient{materialized(*gradients_[i], output(i))};
    return gradients_[i]->value;
}

Value RuleContext::gradient(std::size_t i) {
    const Value full = expand_like(compact_gradient(i), output(i));
    gradients_[i] = Gradient{full};
    return full;
}

Gradient RuleContext::scaled_gradient(std::size_t i) {
    if (!has_gradient(i) || gradients_[i]->one_hot) return {compact_gradient(i)};
    return *gradients_[i];
}

void RuleContext::give(std::size_t i, Gradient gradient) {
    if (wants(i)) given_.emplace_back(i, std::move(gradient));
}

void RuleContext::give_broadcast(std::size_t i, const Value& gradient) {
    if (wants(i)) give(i, sum_to_shape(gradient, input(i).shape(), output()));
}

void RuleContext::unsupported(const std::string& why) const {
    throw Error(ErrorKind::unsupported,
                fmt::format("{} ({}) has no derivative here: {}", node_.description(), node_.op_type, why));
}

void RuleContext::wrong(const std::string& why) const {
    throw Error(ErrorKind::model, fmt::format("{} ({}) cannot run: {}", node_.description(), node_.op_type, why));
}

Value scale_channels(const Value& x, const Tensor& scale) {
    Shape shape(x.rank() - 1, 1);  // [C, 1, …]: lines up with axis 1
    shape.at(0) = scale.size();
    return x * x.emitter().constant(scale.to(x.type()).reshaped(shape));
}

Value sum_per_channel(const Value& x) {
    Ints axes;
    for (std::size_t i = 0; i < x.rank(); ++i) {
        if (i != 1) axes.push_back(static_cast<std::int64_t>(i));
    }
    return reduce_sum(x, axes, false);
}

Value materialized(const Gradient& gradient, const Value& tensor) {
    Value value = gradient.value;
    if (gradient.one_hot) {
        auto& emit = tensor.emitter();
        const auto type = tensor.type();
        const Tensor off_on = Tensor::of<float>({2}, {0.0F, 1.0F}).to(type);
        const Tensor depth = Tensor::of<std::int64_t>({1}, {tensor.shape().at(1)});
        value = emit.node("OneHot", {gradient.one_hot, emit.constant(depth), emit.constant(off_on)});
    }
    return gradient.channel_scale ? scale_channels(value, *gradient.channel_scale) : value;
}

Value sum_to_shape(const Value& x, const Shape& from, const Value& to) {
    const Shape target = to.shape();
    if (from == target) return x;
    Value full = x;
    const auto lead = target.size() - from.size();
    Ints axes, dropped;
    for (std::size_t i = 0; i < target.size(); ++i) {
        const bool missing = i < lead;
        if (missing) dropped.push_back(static_cast<std::int64_t>(i));
        if ((!missing && from[i - lead] == target[i]) || target[i] == 1) continue;
        if (x.shape()[i] == 1) full = expand_like(full, to);  // the sum counts it as often as it stands there
        axes.push_back(static_cast<std::int64_t>(i));
    }
    return squeeze(reduce_sum(full, axes), dropped);
}

}  // namespace locus::model
