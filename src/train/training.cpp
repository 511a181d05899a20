#include "train/training.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "text/quote.hpp"
#include "train/checkpoint.hpp"
#include "train/data/batch_loader.hpp"
#include "train/export.hpp"
#include "train/exported_check.hpp"
#include "train/starting_network.hpp"
#include "train/surgery.hpp"
#include "train/torch_types.hpp"
#include "train/training_log.hpp"
#include "train/training_page.hpp"

namespace locus::train {

namespace fs = std::filesystem;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Of several ranks the first alone speaks.
TrainOptions as_rank(TrainOptions options, const ProcessGroup& ranks) {
    if (!ranks.is_first()) options.say = nullptr;
    return options;
}

}  // namespace

fs::path checkpoint_file(const fs::path& folder) { return folder / "checkpoint.locus"; }

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
    state_.planned_epochs = options_.epochs;
    plan_ = TrainingPlan(planned_steps());
    if (options_.resume) resume();
    begin_ = Clock::now();
    plan_.begin_at(position());
    steps_before_ = stepper_->update().steps;
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
        if (options_.preprocessing.layout != Layout::nchw || channels(options_.preprocessing) != 3 ||
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
    if (state_.step == 0) {
        state_.size = options_.sizes.size(progress());
        state_.loss_sum = state_.right = state_.seen = state_.seconds = state_.waited = 0;
    }
    const std::vector<std::uint32_t> order = maker_.order(state_.epoch);
    const std::size_t steps = maker_.steps_per_epoch(), first = state_.step;
    BatchLoader loader([&](std::size_t i) { return maker_.make(order, state_.epoch, first + i, state_.size); },
                       steps - first, {.threads = options_.loader_threads});
    auto begin = Clock::now();
    auto last_word = begin;
    const double seconds_before = state_.seconds, waited_before = state_.waited;
    const double seen_before = state_.seen;
    while (std::optional<Batch> batch = loader.next()) {
        const double rate = options_.schedule.learning_rate(progress());
        const StepResult result = stepper_->run(*batch, state_.epoch, rate);
        if (!std::isfinite(result.loss)) {
            std::error_code unknown;
            throw Error(ErrorKind::resource,
                        fmt::format("the loss is no longer a finite number (epoch {}, step {}){}; a training begun "
                                    "anew (--overwrite) with "
                                    "a lower --lr than {} may go better",
                                    state_.epoch + 1, state_.step + 1,
                                    fs::exists(checkpoint_path(), unknown)
                                        ? fmt::format("; {} holds the last good state", checkpoint_path().string())
                                        : "",
                                    options_.schedule.peak));
        }
        state_.loss_sum += result.loss * result.photos;
        state_.right += result.right;
        state_.seen += result.photos;
        ++state_.step;
        state_.seconds = seconds_before + seconds_since(begin);
        state_.waited = waited_before + loader.seconds_waited();
        if (seconds_since(last_word) > 20) {
            last_word = Clock::now();
            const double pace = (state_.seen - seen_before) / std::max(1e-9, state_.seconds - seconds_before);
            say(fmt::format(
                "epoch {}/{} step {}/{} at {} px: loss {:.4f}, {:.1f} % right, {:.0f} images/s, epoch done in {:.0f} s",
                state_.epoch + 1, state_.planned_epochs, state_.step, steps, state_.size, state_.loss(),
                100 * state_.share_right(), pace,
                static_cast<double>((steps - state_.step) * static_cast<std::size_t>(options_.batch * ranks_.size())) /
                    std::max(1e-9, pace)));
        }
        agree_on_time();
        const std::int64_t taken = stepper_->update().steps - steps_before_;
        const bool stop = interrupted_ || (options_.stop_after_steps > 0 && taken >= options_.stop_after_steps);
        const bool is_due = seconds_since(last_save_) > options_.checkpoint_every && state_.step < steps;
        if (stop || is_due) save();
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
        throw Error(ErrorKind::io,
                    fmt::format("{}; training stopped in epoch {} after step {}; {} holds {} state, and the "
                                "same command with --resume goes on",
                                lost.what(), state_.epoch + 1, state_.step, checkpoint_path().string(),
                                ranks_.is_first() ? "that" : "a"));
    }
}

EpochRecord Training::record_of_epoch() const {
    EpochRecord record;
    record.epoch = state_.epoch + 1;
    record.size = state_.size;
    record.learning_rate = options_.schedule.learning_rate(progress());
    record.train_loss = state_.loss();
    record.train_top1 = state_.share_right();
    record.seconds = state_.seconds;
    record.images_per_second = state_.seen / std::max(1e-9, state_.seconds);
    record.waited = state_.waited / std::max(1e-9, state_.seconds);
    return record;
}

/// log.csv and training.html.
void Training::write_course() const {
    write_log(state_.history, options_.folder / "log.csv");
    const std::string title = fmt::format("{} on {} photos", name(), data_.photos->samples().size());
    files::write_file_atomically(options_.folder / "training.html",
                                 training_page(state_.history, state_.planned_epochs, title));
}

TrainOutcome Training::run_epochs() {
    std::error_code failed;
    if (ranks_.is_first()) fs::create_directories(options_.folder, failed);
    if (failed) {
        throw Error(ErrorKind::io, fmt::format("the folder {} for the training's state cannot be made: {}",
                                               text::quote(options_.folder.string()), failed.message()));
    }
    if (ranks_.is_parallel() && !options_.resume) save();  // so that there is one, whichever rank is lost when
    while (state_.epoch < state_.planned_epochs) {
        if (!train_epoch()) return {state_.history, false};
        EpochRecord record = record_of_epoch();
        if (is_time_up()) state_.planned_epochs = state_.epoch + 1;
        if (record.epoch == state_.planned_epochs || record.epoch % std::max(1, options_.validate_every) == 0)
            validate_epoch(record);
        ++state_.epoch;
        state_.step = 0;
        state_.history.push_back(record);
        say(describe(record, state_.planned_epochs));
        if (ranks_.is_first()) write_course();
        save();
        agree_on_time();
        if (interrupted_) return {state_.history, false};
    }
    if (ranks_.is_first()) write_model();
    state_.finished = true;
    save();
    return {state_.history, true};
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
                    options_.head, data_.classes.entries.size(), data_.photos->samples().size(), state_.planned_epochs);
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
    state_.anchor_step = plan_.anchor_step();
    state_.anchor_progress = plan_.anchor_progress();
    save_checkpoint(checkpoint_of(state_, settings_, *network_, *averaged_, stepper_->update()), checkpoint_path());
}

void Training::resume() {
    const fs::path file = checkpoint_path();
    const Checkpoint checkpoint =
        parse_checkpoint(ranks_.broadcast(ranks_.is_first() ? read_checkpoint(file) : std::string()), file);
    state_ = restored(checkpoint, file, settings_, *network_, *averaged_, stepper_->update());
    state_.finished = false;
    plan_ = TrainingPlan(planned_steps(), state_.anchor_step, state_.anchor_progress);
    state_.planned_epochs = options_.epochs;
    plan_.replan(planned_steps(), position());
    say(fmt::format("going on from {}: epoch {}, step {}", file.string(), state_.epoch + 1, state_.step));
}

}  // namespace locus::train
