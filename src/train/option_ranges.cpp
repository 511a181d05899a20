#include "train/option_ranges.hpp"

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

namespace {

void require(const char* name, double value, const NumberRange& range) {
    if (range.holds(value)) return;
    throw Error(ErrorKind::usage, fmt::format("{} takes {}, not {}", name, range.description(), value));
}

}  // namespace

std::string NumberRange::description() const {
    return fmt::format("a {}number from {} to {}", is_whole ? "whole " : "", static_cast<float>(least), most);
}

void check_options(const TrainOptions& options) {
    require("--val-split", options.validation_split, ranges::validation_split);
    if (!options.validation.empty() && options.validation_split > 0)
        throw Error(ErrorKind::usage,
                    "--val names the validation data, and --val-split would take them from the training data: give one "
                    "of the two");
    if (options.sample_bits != 0) require("--bits", options.sample_bits, ranges::sample_bits);
    require("--width", options.width, ranges::width);
    require("--new-lr-factor", options.new_rate_factor, ranges::rate_factor);
    require("--size", options.image_size, ranges::image_size);
    require("--epochs", options.epochs, ranges::epochs);
    require("--minutes", options.minutes, ranges::minutes);
    require("--batch", options.batch, ranges::photos);
    require("--norm-batch", options.norm_batch, ranges::photos);
    require("--lr", options.schedule.peak, ranges::learning_rate);
    require("--warm-up", options.schedule.warm_up, ranges::share);
    require("--momentum", options.momentum, ranges::momentum);
    require("--weight-decay", options.weight_decay, ranges::weight_decay);
    require("--label-smoothing", options.label_smoothing, ranges::share);
    require("--mixup", options.mixup, ranges::mixup);
    require("--ema", options.average, ranges::share);
    require("the momentum of statistics", options.statistics_momentum, ranges::share);
    require("--min-area", options.augmentation.min_area, ranges::share);
    require("the aspect of crops", options.augmentation.max_aspect, ranges::aspect);
    require("--padding", options.augmentation.padding, ranges::padding);
    require("--jitter", options.augmentation.jitter, ranges::share);
    require("--erase", options.augmentation.erase, ranges::share);
    require("--threads", options.engine_threads, ranges::engine_threads);
    require("--loader-threads", options.loader_threads, ranges::loader_threads);
    require("--val-every", options.validate_every, ranges::validate_every);
    require("--checkpoint-every", options.checkpoint_every, ranges::checkpoint_every);
    require("--stop-after", options.stop_after_steps, ranges::stop_after);
    for (const float mean : options.preprocessing.mean) require("--mean", mean, ranges::mean);
    for (const float deviation : options.preprocessing.std) require("--std", deviation, ranges::deviation);
    require("the value of white", options.preprocessing.range, ranges::white);

    double from = 0;
    for (const SizeStep& step : options.sizes.steps) {
        const bool is_first = &step == options.sizes.steps.data();
        if (step.size >= 1 && ranges::image_size.holds(step.size) && step.from >= from &&
            step.from <= (is_first ? 0 : 1)) {
            from = step.from;
            continue;
        }
        throw Error(ErrorKind::usage,
                    fmt::format("--train-sizes takes sizes from 1 to {} by rising shares of training from 0 to 1, the "
                                "first 0, not {}@{}",
                                ranges::image_size.most, step.size, step.from));
    }
}

}  // namespace locus::train
