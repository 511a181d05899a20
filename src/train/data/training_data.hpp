#pragma once

/// The photos of a training, listed, split and decoded.

#include <memory>
#include <optional>

#include "dataset/sample_list.hpp"
#include "evaluate/truth/truth.hpp"
#include "train/data/photo_store.hpp"
#include "train/options.hpp"

namespace locus::train {

struct TrainingData {
    dataset::ClassList classes;
    bool multi_label = false;
    std::unique_ptr<PhotoStore> photos;        ///< to train on
    std::unique_ptr<PhotoStore> validation;    ///< null where there are none
    std::optional<evaluate::TruthList> boxes;  ///< of validation photos, of one at least
};

/// Reads what the options name and says what was passed over. Throws Error(usage) for a data set of one class, and for
/// boxes of which none is a validation photo's.
TrainingData load_training_data(const TrainOptions& options, int threads);

}  // namespace locus::train
