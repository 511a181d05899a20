#pragma once

/// The derivative of a graph, as more nodes of the same graph: reverse mode, symbolic, operator by operator.
///
///     model::raise_opset(model);                                   // opset.hpp: to 17 where it is older
///     model::Shapes shapes = runtime::known_shapes(model, {{"input", {-1, 3, 224, 224}}});
///     auto gradient = model::differentiate(model, shapes, {model::Seed::one_hot("logits", "classes")}, {"features"});
///     gradient.at("features");                                     // the name of d logits[n, classes[n]] / d features
///
/// Only nodes on paths from a wanted tensor to a seeded one are visited; nothing else is added, and no graph output.
/// Batch items stay apart as far as the network keeps them apart: the gradient is of the sum over the batch. The nodes
/// added have rules themselves, so that `differentiate` can be applied to its own result (`shapes` is kept up to date).
///
/// Weights count as constants unless they are computed from a wanted tensor. Gradients stop at integers and booleans
/// (quantized tensors excepted: QuantizeLinear and DequantizeLinear are passed straight through, and what moves or
/// pools numbers between the two as if they were not quantized; gradients are in floating point there).

#include <map>
#include <string>
#include <vector>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::model {

/// Where the gradient starts: a tensor and the gradient of the number explained with respect to it.
struct Seed {
    std::string tensor;
    std::string gradient;  ///< a tensor of the graph, shaped like `tensor` (or broadcast to it)
    std::string classes;   ///< instead: int64 [N]; the number explained is the sum of tensor[n, classes[n]]

    static Seed with(std::string tensor, std::string gradient) { return {std::move(tensor), std::move(gradient), {}}; }
    /// For `tensor` [N, C]. Cheaper than the same as a dense gradient: a linear layer's rows are looked up, not
    /// multiplied.
    static Seed one_hot(std::string tensor, std::string classes) { return {std::move(tensor), {}, std::move(classes)}; }
};

/// What a Relu does to the gradient g on its way back.
enum class ReluRule {
    gradient,   ///< g where x > 0: the derivative
    guided,     ///< g where x > 0 and g > 0 (Springenberg et al., 2014)
    deconvnet,  ///< g where g > 0 (Zeiler and Fergus, 2013)
};

struct DifferentiateOptions {
    ReluRule relu = ReluRule::gradient;
    std::string prefix = "gradient";  ///< of the names of new tensors
    /// For a wanted tensor on which no seeded tensor depends: give zeros rather than throw.
    bool zeros_where_independent = false;
};

/// Adds the nodes and returns, for each wanted tensor, the name of its gradient (same shape, same type). Wanted tensors
/// may be graph inputs or intermediate ones. The model's opset must be 13 or newer (see `raise_opset`). Nodes,
/// constants and graph inputs for seeds may have been added since `shapes` was worked out.
///
/// Throws Error(unsupported) where an operator on the way has no rule, or not for what the node does: it names node,
/// operator, and the tensors with positions behind it that would still work. Throws Error(usage) for tensors that do not exist and for
/// a wanted tensor on which no seeded tensor depends.
std::map<std::string, std::string> differentiate(Model& model, Shapes& shapes, const std::vector<Seed>& seeds,
                                                 const std::vector<std::string>& wanted,
                                                 const DifferentiateOptions& options = {});

/// Which operator between `wanted` and `score` has no rule, as the sentence that `differentiate` throws begins; empty
/// where each has one.
std::string missing_rule(const Graph& graph, const Shapes& shapes, const std::string& score, const std::string& wanted);

/// The operators that have a rule, sorted.
std::vector<std::string> differentiable_operators();

}  // namespace locus::model
