#pragma once

/// What a training is told. The defaults suit photos of some 64 pixels and a network trained from scratch.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "train/data/augment.hpp"
#include "train/schedule.hpp"

namespace locus::train {

enum class Optimizer { sgd, adamw };

struct TrainOptions {
    // Data.
    std::vector<std::filesystem::path> data;        ///< sources as dataset::list_samples takes them
    std::vector<std::filesystem::path> validation;  ///< the same; empty: see validation_split
    double validation_split = 0;    ///< share of each class held back where no validation data are given
    std::filesystem::path classes;  ///< classes.csv; empty: the names of the folders
    /// Boxes of validation images, as evaluate::read_boxes takes them: localization is measured, never trained.
    std::filesystem::path validation_boxes;
    std::size_t photo_memory = std::size_t{4} << 30U;  ///< bytes of decoded photos to keep
    int sample_bits = 0;                               ///< of 16-bit photos, as image::DecodeOptions has it

    // Network.
    std::string network = "tiny";  ///< a name of the builder's
    double width = 1;
    std::string head = "gap";     ///< gap, gmp, sum, fc
    std::filesystem::path from;   ///< an ONNX classifier to begin with, instead of `network`
    std::string cut_at;           ///< with `from`: the last tensor of it that is kept; empty: find_cut's
    bool only_new = false;        ///< with `from`: train the new layers alone
    double new_rate_factor = 1;   ///< with `from`: learning rate of the new layers over that of the others
    bool freeze_trunk = false;    ///< with `from`: fit a linear layer to its pooled features, see frozen_trunk.hpp
    int image_size = 0;           ///< of the exported network; 0: the network's own
    Preprocessing preprocessing;  ///< mean, std, colour order, range; its size follows image_size

    // Optimisation.
    int epochs = 16;
    /// Minutes of wall time, 0: as many as the epochs take. Otherwise the schedule is fitted to the pace all the while,
    /// so that it ends on time: with fewer epochs than planned where the machine is shared, never more. Such a run is
    /// not the same bits twice.
    double minutes = 0;
    int batch = 128;  ///< images a step; with several ranks, of each
    int norm_batch =
        32;  ///< images, over all ranks, whose statistics a BatchNormalization shares: steps are cut into such groups
    Optimizer optimizer = Optimizer::sgd;
    Schedule schedule{.peak = 0.2};
    SizeSchedule sizes;          ///< empty: image_size throughout
    double momentum = 0.9;       ///< Nesterov's, of SGD
    double weight_decay = 5e-4;  ///< on kernels and matrices, not on norms and biases
    double label_smoothing = 0.1;
    double mixup = 0;        ///< alpha of the Beta distribution that shares are drawn from (Zhang et al. 2018); 0: none
    bool bfloat16 = false;   ///< convolutions in bfloat16, see Pass::bfloat16
    double average = 0.999;  ///< decay of the moving average of weights that is validated and exported; 0: none
    double statistics_momentum = 0.1;  ///< of the running statistics of BatchNormalization
    Augmentation augmentation;
    std::uint64_t seed = 1;

    // The run.
    std::filesystem::path output = "model.onnx";
    std::filesystem::path folder;  ///< for checkpoint, log.csv, training.html; empty: `output` with .training behind it
    std::filesystem::path run_folder() const {
        return folder.empty() ? output.native() + ".training" : folder.native();
    }
    bool half_weights = false;  ///< store convolutions' kernels as float16 in `output`
    bool resume = false;
    bool overwrite = false;  ///< begin anew where a training was stopped, and replace a file that is not of a training
    int engine_threads = 0;  ///< 0: one a core
    int loader_threads = 1;
    int validate_every = 1;         ///< epochs; the last one always
    double checkpoint_every = 180;  ///< seconds; and after each epoch
    int stop_after_steps = 0;       ///< save and stop after so many steps of this run; 0: never

    const std::atomic<bool>* interrupted = nullptr;  ///< set by a signal handler: save and stop
    std::function<void(const std::string&)> say;     ///< is given each line of progress
};

/// How one epoch went: a row of log.csv.
struct EpochRecord {
    int epoch = 0;             ///< from 1
    int size = 0;              ///< pixels of the training photos
    double learning_rate = 0;  ///< at the end
    double train_loss = 0, train_top1 = 0;
    std::optional<double> loss, top1, top5, localization;  ///< on validation data; shares 0..1
    double seconds = 0, images_per_second = 0;
    double waited = 0;  ///< share of the training time in which the engine waited for data
};

struct TrainOutcome {
    std::vector<EpochRecord> history;
    bool finished = false;  ///< false: interrupted, a checkpoint was saved
};

/// Trains, with checkpoints on the way, and writes the ONNX file at the end. Throws Error; numbers outside their ranges
/// (option_ranges.hpp) are Error(usage), a loss that is not finite is Error(resource) and leaves the last good
/// checkpoint.
TrainOutcome train(const TrainOptions& options);

}  // namespace locus::train
