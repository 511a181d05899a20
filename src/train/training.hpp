#pragma once

/// One training, from its data to the file it writes.
///
///     train::ProcessGroup ranks(train::rank_environment());
///     train::TrainOutcome outcome = train::Training(options, ranks).run();

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/graph.hpp"
#include "train/data/batch_maker.hpp"
#include "train/data/training_data.hpp"
#include "train/engine_threads.hpp"
#include "train/executor.hpp"
#include "train/gap_head.hpp"
#include "train/options.hpp"
#include "train/ranks/process_group.hpp"
#include "train/run_settings.hpp"
#include "train/training_plan.hpp"
#include "train/training_state.hpp"
#include "train/training_step.hpp"
#include "train/validation.hpp"

namespace locus::train {

/// Where the training of a run folder keeps its state.
std::filesystem::path checkpoint_file(const std::filesystem::path& folder);

class Training {
public:
    /// Loads data and network, and with options.resume the checkpoint. Throws as `train` does.
    Training(const TrainOptions& options, ProcessGroup& ranks);

    TrainOutcome run();

private:
    using Clock = std::chrono::steady_clock;

    void make_model();
    void agree_on_settings();
    void make_network();
    void agree_on_time();
    TrainOutcome run_epochs();
    bool train_epoch();
    EpochRecord record_of_epoch() const;
    void validate_epoch(EpochRecord& record);
    void write_course() const;
    void write_model();
    void resume();
    void save();
    ValidationOptions validation_options() const;
    std::vector<std::string> validation_outputs() const;

    /// The network that is validated and exported.
    const Executor& shown() const { return options_.average > 0 ? *averaged_ : *network_; }
    /// Steps that training has behind it, those of epochs cut short included.
    std::int64_t position() const { return state_.epoch * steps_per_epoch() + static_cast<std::int64_t>(state_.step); }
    double progress() const { return plan_.progress(position()); }
    bool is_time_up() const { return options_.minutes > 0 && elapsed_ >= 60 * options_.minutes; }
    std::int64_t planned_steps() const { return state_.planned_epochs * steps_per_epoch(); }
    std::int64_t steps_per_epoch() const { return static_cast<std::int64_t>(maker_.steps_per_epoch()); }
    std::filesystem::path checkpoint_path() const { return checkpoint_file(options_.folder); }
    /// What is trained, for people.
    std::string name() const { return options_.from.empty() ? options_.network : options_.from.stem().string(); }
    void say(const std::string& line) const {
        if (options_.say) options_.say(line);
    }

    ProcessGroup& ranks_;
    TrainOptions options_;
    EngineThreads threads_;
    TrainingData data_;
    BatchMaker maker_;
    RunSettings settings_;  ///< what the result follows from

    model::Model model_;
    std::string output_;
    std::optional<PooledHead> head_;
    std::unique_ptr<Executor> network_, averaged_;
    std::unique_ptr<TrainingStep> stepper_;

    TrainingState state_;
    std::int64_t steps_before_ = 0;  ///< that earlier runs took, which this one goes on from
    TrainingPlan plan_;
    Clock::time_point last_save_ = Clock::now();
    Clock::time_point begin_ = Clock::now();
    double elapsed_ = 0;        ///< seconds since then, as rank 0 has them
    bool interrupted_ = false;  ///< some rank was told to stop
};

}  // namespace locus::train
