#pragma once

/// What a training's bits follow from, by the names that people know: what a checkpoint keeps, and ranks compare.
///
///     train::RunSettings now = train::run_settings(options, data, ranks.size());
///     train::differences(now, before, "was");     // "--lr is 0.1 and was 0.05"

#include <string>
#include <utility>
#include <vector>

#include "train/data/training_data.hpp"
#include "train/options.hpp"

namespace locus::train {

/// Names and values, an empty value where an option does not apply; long lists and files as digests.
using RunSettings = std::vector<std::pair<std::string, std::string>>;

/// Of options in effect: sizes, preprocessing and, with `from`, `cut_at` are what the network made of them. The number
/// of ranks counts only as it enlarges a step. Not among them is what changes no bit of the result (threads,
/// checkpoints, validation), or may: epochs and minutes.
RunSettings run_settings(const TrainOptions& options, const TrainingData& data, int ranks);

/// The same, and all else that ranks which train together need to have alike.
RunSettings rank_settings(const TrainOptions& options, const TrainingData& data, int ranks);

/// What differs from `others`, for a sentence; empty where nothing does. `others_have` stands before the others' value:
/// "was".
std::string differences(const RunSettings& own, const RunSettings& others, const std::string& others_have);

}  // namespace locus::train
