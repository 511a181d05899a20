#pragma once

/// The numbers that a training's options take.
///
///     train::ranges::epochs.holds(0);          // false
///     train::ranges::epochs.description();     // "a whole number from 1 to 1000000"
///     train::check_options(options);           // throws where one is outside

#include <string>

#include "locus/preprocessing.hpp"
#include "train/options.hpp"

namespace locus::train {

struct NumberRange {
    double least, most;
    bool is_whole = false;

    /// False for what is no number.
    bool holds(double value) const { return value >= least && value <= most; }
    std::string description() const;
};

namespace ranges {
inline constexpr NumberRange share{0, 1};  ///< of photos, labels, time, or a decay
inline constexpr NumberRange validation_split{0, 0.9};
inline constexpr NumberRange sample_bits{8, 16, true};
inline constexpr NumberRange width{0.01, 16};  ///< as the builder has it
inline constexpr NumberRange rate_factor{0, 1e6};
inline constexpr NumberRange image_size{0, 4096, true};  ///< 0: the network's own
inline constexpr NumberRange epochs{1, 1e6, true};
inline constexpr NumberRange minutes{0, 1e6};
inline constexpr NumberRange photos{1, 1e6, true};  ///< of a step, or a group of normalisation
inline constexpr NumberRange learning_rate{0, 1e6};
inline constexpr NumberRange momentum{0, 0.9999};
inline constexpr NumberRange weight_decay{0, 100};
inline constexpr NumberRange mixup{0, 1000};
inline constexpr NumberRange padding{0, 4096, true};
inline constexpr NumberRange aspect{1, 100};
inline constexpr NumberRange engine_threads{0, 1024, true};  ///< 0: one a core
inline constexpr NumberRange loader_threads{1, 1024, true};
inline constexpr NumberRange validate_every{1, 1e6, true};
inline constexpr NumberRange checkpoint_every{0, 1e6};         ///< seconds
inline constexpr NumberRange stop_after{0, 2147483647, true};  ///< steps; 0: never
inline constexpr NumberRange mean{-most_mean, most_mean};
inline constexpr NumberRange deviation{least_std, most_std};
inline constexpr NumberRange white{1e-9, 1e9};
}  // namespace ranges

/// Throws Error(usage) for the first number outside its range, by the name that the command has for it.
void check_options(const TrainOptions& options);

}  // namespace locus::train
