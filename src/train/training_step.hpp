#pragma once

/// One step of training: forward, backward and the change of weights for a batch, over threads and ranks.
///
///     train::TrainingStep step(options, network, averaged, "logits", threads, ranks, maker.most_groups());
///     train::StepResult result = step.run(batch, epoch, 0.1);
///
/// Groups of normalisation run on the engine's threads, each rank with its part of every group; losses and gradients
/// are summed in a fixed order, then over ranks, so every rank makes the same change.

#include <string>

#include "train/data/batch_loader.hpp"
#include "train/engine_threads.hpp"
#include "train/executor.hpp"
#include "train/optimizer.hpp"
#include "train/ranks/process_group.hpp"

namespace locus::train {

/// Sums over all ranks.
struct StepResult {
    double loss = 0;    ///< mean over photos
    double right = 0;   ///< photos whose label has the highest score; not of multi-label sets
    double photos = 0;  ///< 0: none could be read, and nothing was changed
};

class TrainingStep {
public:
    /// All but `output` are kept and used. `groups`: most that a batch has.
    TrainingStep(const TrainOptions& options, Executor& network, Executor& averaged, std::string output,
                 EngineThreads& threads, ProcessGroup& ranks, std::size_t groups);

    /// Where the loss is no finite number nothing is changed. Throws LostRank, then too with everything as it was.
    StepResult run(const Batch& batch, int epoch, double rate);

    WeightUpdate& update() { return update_; }
    const WeightUpdate& update() const { return update_; }

private:
    /// A group that is trained on: this rank's photos, and how many all ranks have.
    struct Group {
        std::size_t index = 0;  ///< in the batch, the same on all ranks
        int begin = 0, count = 0;
        double all = 0;
    };
    struct Outcome {
        Tensors gradients;
        Pass pass;
        double loss = 0, right = 0;
    };

    std::vector<Group> agree_on_groups(const Batch& batch) const;
    void run_group(const Batch& batch, const Group& group, int epoch, const Tensors& values, Outcome& outcome) const;
    void sum_over_ranks(std::vector<Tensors>& gradients, std::vector<double>& shares) const;

    const TrainOptions* options_;
    Executor* network_;
    Executor* averaged_;
    std::string output_;
    EngineThreads* threads_;
    ProcessGroup* ranks_;
    WeightUpdate update_;
};

}  // namespace locus::train
