#pragma once

/// What a rule of the derivative sees of its node, and where it puts its result.
///
///     void tanh_rule(RuleContext& node) {
///         const Value y = node.output();
///         node.give(0, node.gradient() * (1.0 - y * y));
///     }
///
/// and one line in the table at the end of the same file: {"Tanh", tanh_rule}. A rule is given the gradient of each
/// output and gives that of each input which is wanted. It emits only operators that have rules. docs/operators.md has
/// more.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "locus/tensor.hpp"
#include "model/derivative.hpp"
#include "model/derivative_expression.hpp"
#include "model/graph.hpp"

namespace locus::model {

/// A gradient on its way back. Parts of it may be put off, because the next rule can often do them for nothing:
/// - `value` may have 1 where its tensor has more: the same number all along (behind global pools);
/// - `channel_scale`, a constant [C], still multiplies axis 1 (behind BatchNormalization; a convolution takes it into
///   its weights);
/// - `one_hot`: 1 at [n, one_hot[n]], 0 elsewhere; `value` is then empty (at the logits).
struct Gradient {
    Value value;
    std::optional<Tensor> channel_scale{};
    Value one_hot{};
};

class RuleContext {
public:
    RuleContext(Emitter& emitter, const Node& node, std::vector<std::optional<Gradient>> gradients,
                std::vector<bool> wanted, const DifferentiateOptions& options);

    const Node& node() const { return node_; }
    Emitter& emit() { return *emitter_; }
    const DifferentiateOptions& options() const { return *options_; }

    bool has_input(std::size_t i) const { return !node_.input(i).empty(); }
    std::size_t inputs() const { return node_.inputs.size(); }
    Value input(std::size_t i = 0) { return {*emitter_, node_.input(i)}; }
    Value output(std::size_t i = 0) { return {*emitter_, node_.output(i)}; }

    /// The value of an input that is constant; throws Error(unsupported) where it is not, saying what `what` it is.
    const Tensor& constant(std::size_t i, const std::string& what);
    Ints constant_ints(std::size_t i, const std::string& what) { return constant(i, what).to_int64s(); }

    /// True where the i-th input's gradient is asked for.
    bool wants(std::size_t i) const { return i < wanted_.size() && wanted_[i]; }

    /// True where a gradient arrives at the output.
    bool has_gradient(std::size_t i = 0) const { return i < gradients_.size() && gradients_[i].has_value(); }
    /// The whole gradient, shaped like the output. Zeros where none arrives.
    Value gradient(std::size_t i = 0);
    /// The gradient with 1 where it is the same along an axis; same rank as the output. For rules that work element by
    /// element.
    Value compact_gradient(std::size_t i = 0);
    /// The gradient with all that is put off.
    const Gradient& deferred_gradient(std::size_t i = 0) const { return *gradients_[i]; }
    /// The gradient without its channel scale, and the scale: for rules that let it pass.
    Gradient scaled_gradient(std::size_t i = 0);

    /// Contributes to the gradient of input i; nothing happens where it is not wanted. `gradient` is shaped like the
    /// input, with 1 where it is the same along an axis.
    void give(std::size_t i, const Value& gradient) { give(i, Gradient{gradient}); }
    void give(std::size_t i, Gradient gradient);

    /// The same for an input that was broadcast to the output's shape: sums over what was broadcast. `gradient` is
    /// shaped like the output, or with 1 where it is the same along an axis.
    void give_broadcast(std::size_t i, const Value& gradient);

    /// Throws Error(unsupported): "… has no derivative …: <why>".
    [[noreturn]] void unsupported(const std::string& why) const;

    /// Throws Error(model), for what no runtime computes: "… cannot run: <why>".
    [[noreturn]] void wrong(const std::string& why) const;

    std::vector<std::pair<std::size_t, Gradient>>& given() { return given_; }

private:
    Emitter* emitter_;
    Node node_;  // a copy: the graph's nodes move as rules add more
    std::vector<std::optional<Gradient>> gradients_;
    std::vector<bool> wanted_;
    const DifferentiateOptions* options_;
    std::vector<std::pair<std::size_t, Gradient>> given_;
};

using Rule = void (*)(RuleContext&);
using RuleTable = std::map<std::string, Rule, std::less<>>;

// One table a family of operators, each at the end of its file.
const RuleTable& activation_rules();
const RuleTable& arithmetic_rules();
const RuleTable& convolution_rules();
const RuleTable& indexing_rules();
const RuleTable& layout_rules();
const RuleTable& linear_rules();
const RuleTable& normalization_rules();
const RuleTable& pooling_rules();
const RuleTable& quantization_rules();
const RuleTable& reduction_rules();
const RuleTable& resize_rules();

/// The rule of a node; null where there is none.
Rule find_rule(const Node& node);

/// Multiplies axis 1 by a constant [C].
Value scale_channels(const Value& x, const Tensor& scale);

/// The sum over all axes but that of the channels, 1: [C].
Value sum_per_channel(const Value& x);

/// Puts off no longer: channel scale and one-hot worked out; still with 1 where it is the same along an axis.
Value materialized(const Gradient& gradient, const Value& tensor);

/// The sum over the axes along which a tensor of shape `from` was broadcast to `to`. `x` is shaped like `to`, or with 1
/// where it is the same all along.
Value sum_to_shape(const Value& x, const Shape& from, const Value& to);

}  // namespace locus::model
