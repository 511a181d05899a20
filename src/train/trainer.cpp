#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "model/builder.hpp"
#include "report/atomic_file.hpp"
#include "text/quote.hpp"
#include "train/batch_loader.hpp"
#include "train/batch_maker.hpp"
#include "train/checkpoint.hpp"
#include "train/engine_threads.hpp"
#include "train/executor.hpp"
#include "train/export.hpp"
#include "train/exported_check.hpp"
#include "train/frozen_trunk.hpp"
#include "train/gap_head.hpp"
#include "train/option_ranges.hpp"
#include "train/options.hpp"
#include "train/process_group.hpp"
#include "train/run_settings.hpp"
#include "train/starting_network.hpp"
#include "train/surgery.hpp"
#include "train/training_data.hpp"
#include "train/training_log.hpp"
#include "train/training_page.hpp"
#include "train/training_plan.hpp"
#include "train/training_step.hpp"
#include "train/validation.hpp"

namespace locus::train {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Of several ranks the first alone speaks.
TrainOptions as_rank(TrainOptions options, const ProcessGroup& ranks) {
    if (!ranks.is_first()) options.say = nullptr;
    return options;
}

fs::path checkpoint_of(const fs::path& folder) { return folder / "checkpoint.locus"; }

/// One training, from its data to the file it writes.
class Training {
public:
    Training(const TrainOptions& options, ProcessGroup& ranks);
    TrainOutcome run();

private:
    void make_model();
    void agree_on_settings();
    void make_network();
    void agree_on_time();
    TrainOutcome run_epochs();
    void write_model();
    void resume();
    void save();
    bool train_epoch();
    void validate_epoch(EpochRecord& record);
    ValidationOptions validation_options() const;
    std::vector<std::string> validation_outputs() const;
    /// The network that is validated and exported.
    const Executor& shown() const { return options_.average > 0 ? *averaged_ : *network_; }
    /// Steps that training has behind it, those of epochs cut short included.
    std::int64_t position() const {
        return epoch_ * static_cast<std::int64_t>(steps_per_epoch()) + static_cast<std::int64_t>(step_);
    }
    double progress() const { return plan_.progress(position()); }
    bool is_time_up() const { return options_.minutes > 0 && elapsed_ >= 60 * options_.minutes; }
    std::int64_t planned_steps() const { return planned_epochs_ * static_cast<std::int64_t>(steps_per_epoch()); }
    std::size_t steps_per_epoch() const { return maker_.steps_per_epoch(); }
    std::int64_t steps_taken() const { return stepper_->update().steps; }
    fs::path checkpoint_file() const { return checkpoint_of(options_.folder); }
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

    // Where training stands.
    int epoch_ = 0;         ///< epochs finished
    std::size_t step_ = 0;  ///< steps finished in the epoch under way
    int planned_epochs_ = 0;
    TrainingPlan plan_;
    int size_ = 0;
    double loss_sum_ = 0, right_ = 0, seen_ = 0, epoch_seconds_ = 0, waited_ = 0;
    std::vector<EpochRecord> history_;
    Clock::time_point last_save_ = Clock::now();

    Clock::time_point begin_ = Clock::now();
    double elapsed_ = 0;        ///< seconds since then, as rank 0 has them
    bool interrupted_ = false;  ///< some rank was told to stop
    bool finished_ = false;     ///< the network is written
};

Training::Training(const TrainOptions& options, ProcessGroup& ranks)
    : ranks_(ranks),
      options_(as_rank(options, ranks)),
      threads_(options.engine_threads),
      data_(load_training_data(options_, threads_.count())),
      maker_(options_, data_, {ranks.rank(), ranks.size()}) {
    options_.folder = options_.run_folder();
    if (ranks_.size() > options_.norm_batch) {
        throw Error(
            ErrorKind::usage,
            fmt::format("{} ranks cannot share groups of {} photos: --norm-batch is at least one photo for each",
                        ranks_.size(), options_.norm_batch));
    }
    make_model();
    settings_ = run_settings(options_, data_, ranks_.size());
    agree_on_settings();
    make_network();
    planned_epochs_ = options_.epochs;
    plan_ = TrainingPlan(planned_steps());
    if (options_.resume) resume();
    begin_ = Clock::now();
    plan_.begin_at(position());
}

/// Ranks that see other photos or options would wait for each other in vain, or train on what nobody meant.
void Training::agree_on_settings() {
    if (!ranks_.is_parallel()) return;
    const RunSettings own = rank_settings(options_, data_, ranks_.size());
    const auto first = nlohmann::json::parse(ranks_.broadcast(nlohmann::json(own).dump())).get<RunSettings>();
    const std::string differing = differences(own, first, "rank 0 has");
    std::vector<double> strangers(static_cast<std::size_t>(ranks_.size()));
    strangers[static_cast<std::size_t>(ranks_.rank())] = differing.empty() ? 0 : 1;
    ranks_.sum(strangers);
    const auto stranger = std::find(strangers.begin(), strangers.end(), 1.0);
    if (stranger == strangers.end()) return;
    throw Error(ErrorKind::usage,
                fmt::format("rank {} was given other photos or options than rank 0{}; all ranks need the same command "
                            "and the same data",
                            differing.empty() ? stranger - strangers.begin() : ranks_.rank(),
                            differing.empty() ? "" : fmt::format(" ({})", differing)));
}

/// After each step: whether to stop, and how late it is, so that every rank decides the same.
void Training::agree_on_time() {
    std::vector<double> words{options_.interrupted && options_.interrupted->load() ? 1.0 : 0.0,
                              ranks_.is_first() ? seconds_since(begin_) : 0.0};
    ranks_.sum(words);
    interrupted_ = words[0] > 0;
    elapsed_ = words[1];
}

/// The model as training begins, and in the options what it makes of them.
void Training::make_model() {
    if (options_.from.empty()) {
        model::NetworkOptions network;
        network.name = options_.network;
        network.classes = static_cast<int>(data_.classes.entries.size());
        network.width = options_.width;
        network.image_size = options_.image_size;
        network.head = head_named(options_.head);
        network.seed = options_.seed;
        model_ = model::build(network);
    } else {
        StartingNetwork start = load_starting_network(options_.from);
        model_ = std::move(start.model);
        options_.preprocessing = start.preprocessing;
        if (options_.preprocessing.layout != Layout::nchw || options_.preprocessing.color == ColorOrder::gray ||
            options_.preprocessing.type != DataType::float32 ||
            options_.preprocessing.width != options_.preprocessing.height) {
            throw Error(ErrorKind::unsupported,
                        fmt::format("{}: is trained further only where its input is float32 [n, 3, side, side]",
                                    options_.from.string()));
        }
        options_.image_size = options_.preprocessing.width;
        if (options_.cut_at.empty()) options_.cut_at = find_cut(model_);
        say(fmt::format(
            "{}: everything behind '{}' gives way to a 3x3 convolution of 1024 channels, the pool and a linear layer",
            options_.from.string(), options_.cut_at));
        model_ = with_new_head(model_, {.cut_at = options_.cut_at,
                                        .classes = static_cast<int>(data_.classes.entries.size()),
                                        .convolution = 1024,
                                        .head = head_named(options_.head),
                                        .seed = options_.seed});
    }
    output_ = model_.graph.outputs.at(0).name;
    if (options_.image_size == 0) {
        const auto& shape = model_.graph.inputs.at(0).shape;
        options_.image_size =
            shape && shape->size() == 4 && (*shape)[2].value ? static_cast<int>(*(*shape)[2].value) : 64;
    }
    if (options_.sizes.steps.empty()) options_.sizes.steps = {{0, options_.image_size}};
    options_.preprocessing.width = options_.preprocessing.height = options_.image_size;
}

void Training::make_network() {
    const std::string only = options_.only_new ? std::string(new_layer_prefix) : std::string();
    network_ = std::make_unique<Executor>(model_, at::kFloat, only);
    averaged_ = std::make_unique<Executor>(model_, at::kFloat, only);
    head_ = find_pooled_head(model_.graph, output_);
    if (data_.boxes && !head_)
        say("localization is not measured: the network does not end in a pool and one linear layer");
    for (Parameter& parameter : network_->parameters()) {
        if (!options_.from.empty() && parameter.name.starts_with(new_layer_prefix))
            parameter.rate_factor = options_.new_rate_factor;
    }
    stepper_ = std::make_unique<TrainingStep>(options_, *network_, *averaged_, output_, threads_, ranks_,
                                              maker_.most_groups());
    std::int64_t count = 0;
    for (const Parameter& parameter : network_->parameters()) count += parameter.value.numel();
    say(fmt::format("{}: {} parameters to train, {} engine threads{}", name(), count, threads_.count(),
                    ranks_.is_parallel() ? fmt::format(" on each of {} ranks", ranks_.size()) : ""));
}

bool Training::train_epoch() {
    if (step_ == 0) {
        size_ = options_.sizes.size(progress());
        loss_sum_ = right_ = seen_ = epoch_seconds_ = waited_ = 0;
    }
    const std::vector<std::uint32_t> order = maker_.order(epoch_);
    const std::size_t steps = steps_per_epoch(), first = step_;
    BatchLoader loader([&](std::size_t i) { return maker_.make(order, epoch_, first + i, size_); }, steps - first,
                       {.threads = options_.loader_threads});
    auto begin = Clock::now();
    auto last_word = begin;
    const double seconds_before = epoch_seconds_, waited_before = waited_;
    const double seen_before = seen_;
    while (std::optional<Batch> batch = loader.next()) {
        const double rate = options_.schedule.learning_rate(progress());
        const StepResult result = stepper_->run(*batch, epoch_, rate);
        if (!std::isfinite(result.loss)) {
            std::error_code unknown;
            throw Error(ErrorKind::resource,
                        fmt::format("the loss is no longer a finite number (epoch {}, step {}){}; a training begun "
                                    "anew (--overwrite) with "
                                    "a lower --lr than {} may go better",
                                    epoch_ + 1, step_ + 1,
                                    fs::exists(checkpoint_file(), unknown)
                                        ? fmt::format("; {} holds the last good state", checkpoint_file().string())
                                        : "",
                                    options_.schedule.peak));
        }
        loss_sum_ += result.loss * result.photos;
        right_ += result.right;
        seen_ += result.photos;
        ++step_;
        epoch_seconds_ = seconds_before + seconds_since(begin);
        waited_ = waited_before + loader.seconds_waited();
        if (seconds_since(last_word) > 20) {
            last_word = Clock::now();
            const double pace = (seen_ - seen_before) / std::max(1e-9, epoch_seconds_ - seconds_before);
            say(fmt::format(
                "epoch {}/{} step {}/{} at {} px: loss {:.4f}, {:.1f} % right, {:.0f} images/s, epoch done in {:.0f} s",
                epoch_ + 1, planned_epochs_, step_, steps, size_, loss_sum_ / std::max(1.0, seen_),
                100 * right_ / std::max(1.0, seen_), pace,
                static_cast<double>((steps - step_) * static_cast<std::size_t>(options_.batch * ranks_.size())) /
                    std::max(1e-9, pace)));
        }
        agree_on_time();
        const bool stop = interrupted_ || (options_.stop_after_steps > 0 && steps_taken() >= options_.stop_after_steps);
        if (stop || seconds_since(last_save_) > options_.checkpoint_every) {
            if (step_ < steps || stop) save();
        }
        if (stop) return false;
        if (options_.minutes > 0) plan_.follow_pace(position(), elapsed_, 60 * options_.minutes);
        if (is_time_up()) return true;
    }
    return true;
}

ValidationOptions Training::validation_options() const {
    ValidationOptions options;
    options.size = options_.image_size;
    options.preprocessing = options_.preprocessing;
    options.multi_label = data_.multi_label;
    options.boxes = data_.boxes ? &*data_.boxes : nullptr;
    if (head_ && data_.boxes) {
        for (const Parameter& parameter : shown().parameters()) {
            if (parameter.name != head_->weight) continue;
            const at::Tensor weight = parameter.value.detach();
            options.weights = from_torch(head_->transposed ? weight : weight.t().contiguous());
        }
    }
    return options;
}

std::vector<std::string> Training::validation_outputs() const {
    std::vector<std::string> outputs{output_};
    if (head_ && data_.boxes) outputs.push_back(head_->features);
    return outputs;
}

void Training::validate_epoch(EpochRecord& record) {
    if (!data_.validation) return;
    const std::vector<std::string> outputs = validation_outputs();
    const Answer answer = [&](const Tensor& photos) {
        at::NoGradGuard no_gradients;
        Pass pass;
        std::vector<Tensor> answers;
        for (const at::Tensor& out : shown().run({{shown().input_name(), to_torch(photos)}}, outputs, pass)) {
            answers.push_back(from_torch(out));
        }
        return answers;
    };
    ValidationOptions options = validation_options();
    if (ranks_.is_parallel()) {
        options.rank = static_cast<std::size_t>(ranks_.rank());
        options.ranks = static_cast<std::size_t>(ranks_.size());
        options.classes = data_.classes.entries.size();
        options.sum = [&](std::vector<double>& numbers) { ranks_.sum(numbers); };
    }
    const ValidationResult result = validate(answer, *data_.validation, threads_, options);
    record.loss = result.loss;
    record.top1 = result.top1;
    record.top5 = result.top5;
    record.localization = result.localization;
}

TrainOutcome Training::run() {
    try {
        return run_epochs();
    } catch (const LostRank& lost) {
        // Nothing has changed since the last whole step.
        if (ranks_.is_first()) save();
        throw Error(
            ErrorKind::io,
            fmt::format("{}; training stopped in epoch {} after step {}; {} holds {} state, and the "
                        "same command with --resume goes on",
                        lost.what(), epoch_ + 1, step_, checkpoint_file().string(), ranks_.is_first() ? "that" : "a"));
    }
}

TrainOutcome Training::run_epochs() {
    std::error_code failed;
    if (ranks_.is_first()) fs::create_directories(options_.folder, failed);
    if (failed) {
        throw Error(ErrorKind::io, fmt::format("the folder {} for the training's state cannot be made: {}",
                                               text::quote(options_.folder.string()), failed.message()));
    }
    if (ranks_.is_parallel() && !options_.resume) save();  // so that there is one, whichever rank is lost when
    while (epoch_ < planned_epochs_) {
        if (!train_epoch()) return {history_, false};
        EpochRecord record;
        record.epoch = epoch_ + 1;
        record.size = size_;
        record.learning_rate = options_.schedule.learning_rate(progress());
        record.train_loss = loss_sum_ / std::max(1.0, seen_);
        record.train_top1 = right_ / std::max(1.0, seen_);
        record.seconds = epoch_seconds_;
        record.images_per_second = seen_ / std::max(1e-9, epoch_seconds_);
        record.waited = waited_ / std::max(1e-9, epoch_seconds_);
        if (is_time_up()) planned_epochs_ = epoch_ + 1;
        if (record.epoch == planned_epochs_ || record.epoch % std::max(1, options_.validate_every) == 0)
            validate_epoch(record);
        ++epoch_;
        step_ = 0;
        history_.push_back(record);
        say(describe(record, planned_epochs_));
        if (ranks_.is_first()) {
            write_log(history_, options_.folder / "log.csv");
            report::write_file_atomically(
                options_.folder / "training.html",
                training_page(history_, planned_epochs_,
                              name() + " on " + std::to_string(data_.photos->samples().size()) + " photos"));
        }
        save();
        agree_on_time();
        if (interrupted_) return {history_, false};
    }
    if (ranks_.is_first()) write_model();
    finished_ = true;
    save();
    return {history_, true};
}

void Training::write_model() {
    model::Model trained = model_;
    shown().store(trained);
    ExportOptions exported;
    exported.preprocessing = options_.preprocessing;
    exported.labels = data_.classes.names();
    exported.multi_label = data_.multi_label;
    exported.half_weights = options_.half_weights;
    exported.description =
        fmt::format("{} with a {} head, {} classes, trained by Locus on {} photos for {} epochs.", name(),
                    options_.head, data_.classes.entries.size(), data_.photos->samples().size(), planned_epochs_);
    export_model(std::move(trained), exported, options_.output);
    say(fmt::format("{} written", options_.output.string()));
    if (!data_.validation) return;
    const auto own = [&](const Tensor& photos) { return from_torch(shown().run(to_torch(photos), output_)); };
    check_exported(options_.output, validation_outputs(), *data_.validation, threads_, validation_options(), own,
                   options_.folder, data_.classes.names(), options_.say);
}

/// Rank 0 does; the others hold the same.
void Training::save() {
    last_save_ = Clock::now();
    if (!ranks_.is_first()) return;
    Checkpoint checkpoint;
    nlohmann::json state{{"epoch", epoch_},
                         {"step", step_},
                         {"steps", steps_taken()},
                         {"anchor_step", plan_.anchor_step()},
                         {"anchor_progress", plan_.anchor_progress()},
                         {"planned_epochs", planned_epochs_},
                         {"size", size_},
                         {"loss_sum", loss_sum_},
                         {"right", right_},
                         {"seen", seen_},
                         {"epoch_seconds", epoch_seconds_},
                         {"waited", waited_},
                         {"settings", settings_},
                         {"finished", finished_},
                         {"history", to_json(history_)}};
    checkpoint.state = state.dump();
    const auto put = [&](const std::string& kind, const std::string& name, const at::Tensor& value) {
        checkpoint.tensors[kind + "/" + name] = from_torch(value);
    };
    for (const Parameter& parameter : network_->parameters()) put("parameter", parameter.name, parameter.value);
    for (const Parameter& parameter : averaged_->parameters()) put("average", parameter.name, parameter.value);
    for (const auto& [name, value] : network_->statistics()) put("statistic", name, value);
    for (const auto& [name, value] : averaged_->statistics()) put("average-statistic", name, value);
    for (const auto& [name, value] : stepper_->update().state()) put("update", name, value);
    save_checkpoint(checkpoint, checkpoint_file());
}

void Training::resume() {
    const fs::path file = checkpoint_file();
    const Checkpoint checkpoint =
        parse_checkpoint(ranks_.broadcast(ranks_.is_first() ? read_checkpoint(file) : std::string()), file);
    const auto state = nlohmann::json::parse(checkpoint.state);
    if (!state.contains("settings")) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} does not say which photos and options it was made with, so an earlier Locus wrote "
                                "it; --overwrite in place of --resume begins anew",
                                file.string()));
    }
    const std::string differing = differences(settings_, state.at("settings").get<RunSettings>(), "was");
    if (!differing.empty()) {
        throw Error(ErrorKind::usage,
                    fmt::format("{}: {}; --resume goes on with what it was begun with, --overwrite in "
                                "its place begins anew",
                                file.string(), differing));
    }
    at::NoGradGuard no_gradients;
    const auto take = [&](const std::string& kind, const std::string& name, at::Tensor value) {
        const auto found = checkpoint.tensors.find(kind + "/" + name);
        if (found == checkpoint.tensors.end() ||
            found->second.shape() != Shape(value.sizes().begin(), value.sizes().end())) {
            throw Error(ErrorKind::usage, fmt::format("{} was made with another network: '{}' is not as it was there",
                                                      file.string(), name));
        }
        value.copy_(to_torch(found->second));
    };
    for (Parameter& parameter : network_->parameters()) take("parameter", parameter.name, parameter.value);
    for (Parameter& parameter : averaged_->parameters()) take("average", parameter.name, parameter.value);
    for (auto& [name, value] : network_->statistics()) take("statistic", name, value);
    for (auto& [name, value] : averaged_->statistics()) take("average-statistic", name, value);
    for (const auto& [name, value] : stepper_->update().state()) take("update", name, value);
    stepper_->update().steps = state.at("steps");
    epoch_ = state.at("epoch");
    step_ = state.at("step");
    size_ = state.at("size");
    loss_sum_ = state.at("loss_sum");
    right_ = state.at("right");
    seen_ = state.at("seen");
    epoch_seconds_ = state.at("epoch_seconds");
    waited_ = state.at("waited");
    history_ = records_from_json(state.at("history"));
    planned_epochs_ = state.at("planned_epochs");
    plan_ = TrainingPlan(planned_steps(), state.at("anchor_step"), state.at("anchor_progress"));
    planned_epochs_ = options_.epochs;
    plan_.replan(planned_steps(), position());
    say(fmt::format("going on from {}: epoch {}, step {}", file.string(), epoch_ + 1, step_));
}

}  // namespace

namespace {

/// Throws Error(usage) where a training was stopped that this one would take the place of.
void require_nothing_unfinished(const TrainOptions& options) {
    const fs::path file = checkpoint_of(options.run_folder());
    try {
        if (!fs::exists(file)) return;
        const Checkpoint checkpoint = parse_checkpoint(read_checkpoint(file), file);
        if (nlohmann::json::parse(checkpoint.state).value("finished", false)) return;
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
