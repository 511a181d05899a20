#pragma once

/// Runs an ONNX graph on LibTorch tensors, so that LibTorch can differentiate it.
///
///     train::Executor executor(model, at::kFloat);
///     at::Tensor logits = executor.run(x, "logits");
///
///     train::Pass pass{.training = true};
///     at::Tensor loss = at::cross_entropy_loss(executor.run({{"input", x}}, {"logits"}, pass)[0], labels);
///     train::Tensors gradients = torch::autograd::grad({loss}, executor.values());
///     executor.update_statistics({pass.statistics}, 0.1);
///     executor.store(model);                        // the trained weights back into the ONNX model
///
/// Parts of the graph that depend on constants alone (unpacked weights, say) are computed once. `run` may be called
/// from several threads at once; parameters and statistics may not change meanwhile.

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/graph.hpp"
#include "train/operators/operators.hpp"
#include "train/torch_types.hpp"

namespace locus::train {

/// A tensor that training changes.
struct Parameter {
    std::string name;        ///< of the tensor in the graph
    at::Tensor value;        ///< a leaf that requires its gradient
    bool decays = false;     ///< weight decay applies: a kernel or matrix, neither bias nor normalisation
    double rate_factor = 1;  ///< its learning rate over that of the others
};

/// What one forward pass is to do and what it leaves behind.
struct Pass {
    bool training = false;
    /// Convolutions compute in bfloat16 and what lies between them stays in it; weights, statistics, everything from
    /// the global pool on and all gradients of weights are float32. Only for executors in float. Twice as fast on
    /// processors with AVX-512 BF16 or AMX.
    bool bfloat16 = false;
    std::uint64_t random_seed = 0;  ///< decides what Dropout drops
    SumOverRanks across;            ///< with several ranks that hold a part of the batch each; outlives the derivative
    std::vector<BatchStatistics> statistics;  ///< in graph order; only where training
};

class Executor {
public:
    /// Throws Error(unsupported) for an operator that Locus does not run, named with its node. `type`: at::kFloat or
    /// at::kDouble; floating-point weights are converted to it. Only weights whose names begin with `trained` become
    /// parameters; normalisations whose weights do not keep their running statistics.
    Executor(const model::Model& model, at::ScalarType type, const std::string& trained = "");

    /// The named tensors for `inputs` (graph inputs by name). Throws Error(model) where one does not exist or a shape
    /// does not fit.
    Tensors run(const std::map<std::string, at::Tensor>& inputs, const std::vector<std::string>& outputs,
                Pass& pass) const;

    /// For graphs with one input: the tensor `output` for `input`, without training.
    at::Tensor run(const at::Tensor& input, const std::string& output) const;

    std::vector<Parameter>& parameters() { return parameters_; }
    const std::vector<Parameter>& parameters() const { return parameters_; }
    Tensors values() const;  ///< of the parameters, in their order

    /// Running means and variances of the BatchNormalizations, by tensor name.
    std::map<std::string, at::Tensor>& statistics() { return statistics_; }
    const std::map<std::string, at::Tensor>& statistics() const { return statistics_; }

    /// running = (1 - momentum) * running + momentum * (mean over `passes` of what they saw).
    void update_statistics(const std::vector<std::vector<BatchStatistics>>& passes, double momentum);

    /// Puts parameters and statistics into the model this executor was made of.
    void store(model::Model& model) const;

    const std::string& input_name() const { return input_name_; }

private:
    struct Step {
        std::size_t index;  ///< in steps_
        const model::Node* node;
        Operator run;
        std::vector<int> inputs;    ///< slots; -1 where left out
        std::vector<int> outputs;   ///< slots; -1 where not wanted
        std::vector<int> finished;  ///< slots nobody reads afterwards
        bool may_overwrite = false;
        bool trains = true;  ///< false: a normalisation that is not trained
        Precision precision = Precision::full;
    };

    int slot(const std::string& name);
    void choose_parameters(const std::string& trained);
    void fold_constants();
    void plan();
    Tensors run_step(const Step& step, std::vector<at::Tensor>& slots, Pass& pass) const;

    model::Graph graph_;  ///< without weights' values; nodes have stable addresses
    std::int64_t opset_ = 13;
    std::string input_name_;
    at::ScalarType type_;
    std::unordered_map<std::string, int> slots_;
    std::map<std::string, at::Tensor> constants_;
    std::vector<Parameter> parameters_;
    std::map<std::string, at::Tensor> statistics_;
    std::vector<Step> steps_;
};

}  // namespace locus::train
