#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "train/checkpoint.hpp"
#include "train/frozen_trunk.hpp"
#include "train/option_ranges.hpp"
#include "train/options.hpp"
#include "train/ranks/process_group.hpp"
#include "train/ranks/rank_environment.hpp"
#include "train/training.hpp"

namespace locus::train {

namespace fs = std::filesystem;

namespace {

/// Throws Error(usage) where a training was stopped that this one would take the place of.
void require_nothing_unfinished(const TrainOptions& options) {
    const fs::path file = checkpoint_file(options.run_folder());
    try {
        if (!fs::exists(file)) return;
        if (is_finished(load_checkpoint(file))) return;
    } catch (const std::exception&) {
        return;  // nothing that anybody could go on with
    }
    throw Error(ErrorKind::usage,
                fmt::format("{} is of a training that was stopped: --resume goes on with it, --overwrite begins anew",
                            file.string()));
}

/// An earlier training's file is replaced, and that is said; any other is not. Throws Error(usage).
void require_free_output(const TrainOptions& options) {
    std::error_code none;
    if (!fs::exists(options.output, none)) return;
    if (!fs::exists(options.run_folder() / "log.csv", none)) {
        throw Error(ErrorKind::usage, fmt::format("{} is there and not of an earlier training: choose another file "
                                                  "with --output, or replace it with --overwrite",
                                                  options.output.string()));
    }
    if (options.say && rank_environment().rank == 0)
        options.say(fmt::format("{} of an earlier training is replaced when this one ends.", options.output.string()));
}

}  // namespace

TrainOutcome train(const TrainOptions& options) {
    check_options(options);
    std::error_code none;
    if (!options.from.empty() && fs::equivalent(options.from, options.output, none)) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} is the network to begin with, which would be lost: choose another "
                                "file with --output",
                                options.output.string()));
    }
    if (!options.resume && !options.overwrite) require_free_output(options);
    const RankEnvironment environment = rank_environment();
    if (options.freeze_trunk) {
        if (environment.size > 1) {
            throw Error(ErrorKind::usage, fmt::format("--freeze trunk is done by one process; {} started {}",
                                                      environment.launcher, environment.size));
        }
        return train_on_frozen_trunk(options);
    }
    if (environment.size > 1 && environment.rank == 0 && options.say) {
        options.say(fmt::format("rank 0 of {} ({}): waiting for the others at {}:{}", environment.size,
                                environment.launcher, environment.host, environment.port));
    }
    if (!options.resume && !options.overwrite)
        require_nothing_unfinished(options);  // no rank saves before all are here
    ProcessGroup ranks(environment);
    return Training(options, ranks).run();
}

}  // namespace locus::train
