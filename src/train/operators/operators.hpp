#pragma once

/// ONNX operators on LibTorch tensors: what the executor runs, and LibTorch differentiates.
///
/// Adding one: write a function `Tensors name(Call& call)` in the operators_*.cpp it belongs to, and one line in that
/// file's table. Inputs that a node leaves out are undefined tensors. Shapes and axes arrive as int64 tensors, as they
/// do in ONNX.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/graph.hpp"
#include "train/ranks/synchronized_norm.hpp"

namespace locus::train {

using Tensors = std::vector<at::Tensor>;

/// Statistics of one batch that a BatchNormalization saw while training.
struct BatchStatistics {
    const model::Node* node = nullptr;
    at::Tensor mean;               ///< [C]
    at::Tensor unbiased_variance;  ///< [C]
};

/// One node about to be run.
struct Call {
    const model::Node& node;
    std::span<const at::Tensor> inputs;
    std::int64_t opset = 13;
    at::ScalarType computes_in{};  ///< float or double: what the network's floats are
    bool training = false;         ///< batch statistics in BatchNormalization, dropping in Dropout
    bool may_overwrite = false;    ///< nobody needs inputs[0] afterwards, its producer's derivative neither
    std::vector<BatchStatistics>* statistics = nullptr;  ///< where BatchNormalization leaves what it saw while training
    std::uint64_t random_seed = 0;                       ///< of this node in this pass: what Dropout drops
    const SumOverRanks* across = nullptr;  ///< with several ranks: statistics of a batch are those of all of them

    bool has(std::size_t i) const { return i < inputs.size() && inputs[i].defined(); }
    /// The i-th input; throws Error(model) where the node leaves it out.
    const at::Tensor& input(std::size_t i) const;
    /// Values of an int64 input.
    std::vector<std::int64_t> integers(std::size_t i) const;
    /// Axes or the like, which newer opsets have as an input and older ones as an attribute. Empty where neither is
    /// there.
    std::optional<std::vector<std::int64_t>> integers_or_attribute(std::size_t i, std::string_view attribute) const;
};

/// What an operator does in a pass that computes in bfloat16.
enum class Precision {
    full,      ///< takes float32
    reduced,   ///< takes bfloat16: where the time goes
    as_given,  ///< takes what it is given: cheap, and exact enough
};
Precision precision_of(std::string_view op_type);

using Operator = Tensors (*)(Call&);
using OperatorTable = std::unordered_map<std::string_view, Operator>;

// Each in the file of its name, operators_network.cpp and so on.
const OperatorTable& network_operators();        ///< convolutions, pools, linear layers
const OperatorTable& normalization_operators();  ///< of batches, layers, groups, channels
const OperatorTable& elementwise_operators();    ///< arithmetic, activations, comparisons
const OperatorTable& shape_operators();          ///< shapes and casts
const OperatorTable& indexing_operators();       ///< gathering, scattering, conditions
const OperatorTable& reduction_operators();      ///< sums, softmax and the largest along axes
const OperatorTable& resampling_operators();     ///< other sizes of images
const OperatorTable& quantization_operators();   ///< rounding that lets the gradient pass

/// The operator of the standard set with this name, null where Locus does not run it.
Operator find_operator(std::string_view op_type);

/// Names of all operators that run, sorted.
std::vector<std::string> operator_names();

/// Raises Error(unsupported): what cannot be run, and in which node.
[[noreturn]] void cannot_run(const model::Node& node, const std::string& what);

/// An axis counted from the front; throws Error(model) where it is outside.
std::int64_t positive_axis(const Call& call, std::int64_t axis, std::int64_t rank);

}  // namespace locus::train
