#pragma once

/// Stochastic gradient descent with Nesterov's momentum, AdamW, and the moving average of weights, in one pass over
/// memory.
///
///     train::WeightUpdate update(network.parameters(), averaged.parameters(),
///                                {.momentum = 0.9, .weight_decay = 5e-4});
///     update.step(gradients, shares, 0.1, 0.999);    // learning rate, decay of the moving average

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "train/executor.hpp"
#include "train/options.hpp"

namespace locus::train {

struct WeightUpdateOptions {
    Optimizer optimizer = Optimizer::sgd;
    double momentum = 0.9;
    double weight_decay = 5e-4;
};

class WeightUpdate {
public:
    /// `parameters` are changed by `step`; `averaged` (of the same network) receives the moving average.
    WeightUpdate(std::vector<Parameter>& parameters, std::vector<Parameter>& averaged,
                 const WeightUpdateOptions& options);

    /// One step down the gradient sum_g shares[g] * gradients[g]: gradients of each group of images, in parameter
    /// order. `average` is this step's decay of the moving average.
    void step(const std::vector<Tensors>& gradients, const std::vector<double>& shares, double learning_rate,
              double average);

    /// The optimizer's own memory by name, for checkpoints. The tensors are those in use.
    std::map<std::string, at::Tensor> state() const;
    std::int64_t steps = 0;  ///< taken so far

private:
    std::vector<Parameter>* parameters_;
    std::vector<Parameter>* averaged_;
    WeightUpdateOptions options_;
    Tensors first_, second_;  ///< momentum; AdamW's two moments
};

}  // namespace locus::train
