#pragma once

/// Where a training stands, and how a checkpoint holds it beside the weights.
///
///     train::TrainingState state;
///     train::save_checkpoint(train::checkpoint_of(state, settings, network, averaged, update), file);
///     state = train::restored(checkpoint, file, settings, network, averaged, update);

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "train/checkpoint.hpp"
#include "train/executor.hpp"
#include "train/optimizer.hpp"
#include "train/options.hpp"
#include "train/run_settings.hpp"

namespace locus::train {

struct TrainingState {
    int epoch = 0;         ///< epochs finished
    std::size_t step = 0;  ///< steps finished in the epoch under way
    int planned_epochs = 0;
    // Where the rest was last planned, and how far training was then (TrainingPlan).
    std::int64_t anchor_step = 0;
    double anchor_progress = 0;
    bool finished = false;  ///< the network is written
    std::vector<EpochRecord> history;

    // Of the epoch under way:
    int size = 0;                    ///< side of its photos, pixels
    double loss_sum = 0, right = 0;  ///< over the photos seen
    double seen = 0;                 ///< photos
    double seconds = 0, waited = 0;  ///< that it took so far, and that it waited for photos

    double loss() const { return loss_sum / std::max(1.0, seen); }
    double share_right() const { return right / std::max(1.0, seen); }
};

/// `settings` are what the result follows from: only a training with the same may go on.
Checkpoint checkpoint_of(const TrainingState& state, const RunSettings& settings, const Executor& network,
                         const Executor& averaged, const WeightUpdate& update);

/// Takes the weights over into both networks and the update, and returns where training stands. `file` is for error
/// messages. Throws Error(usage) where the checkpoint is of other settings, saying which, or of another network.
TrainingState restored(const Checkpoint& checkpoint, const std::filesystem::path& file, const RunSettings& settings,
                       Executor& network, Executor& averaged, WeightUpdate& update);

/// Whether the training that the checkpoint is of came to its end.
bool is_finished(const Checkpoint& checkpoint);

}  // namespace locus::train
