#include <algorithm>
#include <chrono>
#include <cmath>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "model/builder.hpp"
#include "report/atomic_file.hpp"
#include "train/batch_loader.hpp"
#include "train/checkpoint.hpp"
#include "train/engine_threads.hpp"
#include "train/executor.hpp"
#include "train/export.hpp"
#include "train/exported_check.hpp"
#include "train/frozen_trunk.hpp"
#include "train/gap_head.hpp"
#include "train/optimizer.hpp"
#include "train/options.hpp"
#include "train/starting_network.hpp"
#include "train/surgery.hpp"
#include "train/training_data.hpp"
#include "train/training_log.hpp"
#include "train/training_page.hpp"
#include "train/validation.hpp"

namespace locus::train {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// One training, from its data to the file it writes.
class Training {
public:
    explicit Training(const TrainOptions& options);
    TrainOutcome run();

private:
    void make_network();
    void resume();
    void save();
    bool train_epoch();
    void validate_epoch(EpochRecord& record);
    ValidationOptions validation_options() const;
    std::vector<std::string> validation_outputs() const;
    /// The network that is validated and exported.
    const Executor& shown() const { return options_.average > 0 ? *averaged_ : *network_; }
    double train_step(const Batch& batch, double rate);
    Batch make_batch(const std::vector<std::uint32_t>& order, std::size_t index, int size);
    double progress() const;
    void follow_pace();
    bool is_time_up() const { return options_.minutes > 0 && seconds_since(begin_) >= 60 * options_.minutes; }
    std::size_t steps_per_epoch() const;
    bool is_interrupted() const { return options_.interrupted && options_.interrupted->load(); }
    void say(const std::string& line) const {
        if (options_.say) options_.say(line);
    }

    TrainOptions options_;
    EngineThreads threads_;
    TrainingData data_;

    model::Model model_;
    std::string output_;
    std::optional<PooledHead> head_;
    std::unique_ptr<Executor> network_, averaged_;
    std::unique_ptr<WeightUpdate> update_;

    // Where training stands.
    int epoch_ = 0;                 ///< epochs finished
    std::size_t step_ = 0;          ///< steps finished in the epoch under way
    std::int64_t anchor_step_ = 0;  ///< where the schedule was last planned, and
    double anchor_progress_ = 0;    ///< how far training was then
    int planned_epochs_ = 0;
    int size_ = 0;
    double loss_sum_ = 0, right_ = 0, seen_ = 0, epoch_seconds_ = 0, waited_ = 0;
    std::vector<EpochRecord> history_;
    Clock::time_point last_save_ = Clock::now();

    // With a limit of time: steps that are left from the anchor on, as the pace has it.
    Clock::time_point begin_ = Clock::now(), pace_time_ = Clock::now();
    std::int64_t pace_step_ = 0;
    double pace_ = 0, steps_left_ = 0;
};

Training::Training(const TrainOptions& options)
    : options_(options), threads_(options.engine_threads), data_(load_training_data(options, threads_.count())) {
    if (options_.folder.empty()) options_.folder = options_.output.string() + ".training";
    if (options_.epochs < 1 || options_.batch < 1 || options_.norm_batch < 1) {
        throw Error(ErrorKind::usage, "Epochs, batch and the batch of normalisation are at least 1.");
    }
    make_network();
    planned_epochs_ = options_.epochs;
    if (options_.resume) resume();
    begin_ = pace_time_ = Clock::now();
    pace_step_ = update_->steps;
}

void Training::make_network() {
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
                        fmt::format("{}: is trained further only where its input is float32 [n, 3, side, side].",
                                    options_.from.string()));
        }
        options_.image_size = options_.preprocessing.width;
        const std::string cut = options_.cut_at.empty() ? find_cut(model_) : options_.cut_at;
        say(fmt::format(
            "{}: everything behind '{}' gives way to a 3x3 convolution of 1024 channels, the pool and a linear layer.",
            options_.from.string(), cut));
        model_ = with_new_head(model_, {.cut_at = cut,
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
    const std::string only = options_.only_new ? std::string(new_layer_prefix) : std::string();
    network_ = std::make_unique<Executor>(model_, at::kFloat, only);
    averaged_ = std::make_unique<Executor>(model_, at::kFloat, only);
    head_ = find_pooled_head(model_.graph, output_);
    for (Parameter& parameter : network_->parameters()) {
        if (!options_.from.empty() && parameter.name.starts_with(new_layer_prefix))
            parameter.rate_factor = options_.new_rate_factor;
    }
    update_ = std::make_unique<WeightUpdate>(
        network_->parameters(), averaged_->parameters(),
        WeightUpdateOptions{options_.optimizer, options_.momentum, options_.weight_decay, options_.average});
    std::int64_t count = 0;
    for (const Parameter& parameter : network_->parameters()) count += parameter.value.numel();
    say(fmt::format("{}: {} parameters to train, {} engine threads.", options_.network, count, threads_.count()));
}

std::size_t Training::steps_per_epoch() const {
    const std::size_t n = data_.photos->samples().size(), batch = static_cast<std::size_t>(options_.batch);
    // What is left over at an epoch's end is trained on where it fills a group of normalisation.
    return std::max<std::size_t>(1, n / batch + (n % batch >= static_cast<std::size_t>(options_.norm_batch) ? 1 : 0));
}

double Training::progress() const {
    const double total = static_cast<double>(planned_epochs_) * static_cast<double>(steps_per_epoch());
    const double here =
        static_cast<double>(epoch_) * static_cast<double>(steps_per_epoch()) + static_cast<double>(step_);
    const double rest = steps_left_ > 0 ? steps_left_ : total - static_cast<double>(anchor_step_);
    if (rest <= 0) return 1;
    return anchor_progress_ + (1 - anchor_progress_) * std::min(1.0, (here - static_cast<double>(anchor_step_)) / rest);
}

/// Plans the rest anew every quarter of a minute: as many steps as the pace allows in the time that is left.
void Training::follow_pace() {
    const double passed = seconds_since(pace_time_);
    if (options_.minutes <= 0 || passed < 15) return;
    const double pace = static_cast<double>(update_->steps - pace_step_) / passed;
    pace_ = pace_ == 0 ? pace : 0.85 * pace_ + 0.15 * pace;
    pace_time_ = Clock::now();
    pace_step_ = update_->steps;
    const double done = progress();
    anchor_step_ = static_cast<std::int64_t>(static_cast<std::size_t>(epoch_) * steps_per_epoch() + step_);
    anchor_progress_ = done;
    const double planned = static_cast<double>(planned_epochs_) * static_cast<double>(steps_per_epoch()) -
                           static_cast<double>(anchor_step_);
    steps_left_ = std::clamp(pace_ * (60 * options_.minutes - seconds_since(begin_)), 1.0, std::max(1.0, planned));
}

Batch Training::make_batch(const std::vector<std::uint32_t>& order, std::size_t index, int size) {
    Batch batch;
    batch.size = size;
    const std::size_t begin = index * static_cast<std::size_t>(options_.batch);
    const std::size_t end = std::min(order.size(), begin + static_cast<std::size_t>(options_.batch));
    const std::size_t values = static_cast<std::size_t>(3 * size) * static_cast<std::size_t>(size);
    batch.images.resize((end - begin) * values);
    const std::uint64_t epoch = static_cast<std::uint64_t>(epoch_);
    for (std::size_t i = begin; i < end; ++i) {
        const std::shared_ptr<const Image> photo = data_.photos->photo(order[i]);
        if (!photo) continue;
        Random random(options_.seed, epoch, order[i]);
        augment(*photo, options_.augmentation, is_flipped(options_.augmentation, options_.seed, epoch, order[i]), size,
                options_.preprocessing, random, batch.images.data() + static_cast<std::size_t>(batch.count) * values);
        const dataset::Sample& sample = data_.photos->samples()[order[i]];
        if (data_.multi_label) {
            const std::size_t classes = data_.classes.entries.size();
            batch.targets.resize(batch.targets.size() + classes);
            for (const int label : sample.labels)
                batch.targets[batch.targets.size() - classes + static_cast<std::size_t>(label)] = 1;
        } else {
            batch.labels.push_back(sample.labels[0]);
        }
        batch.samples.push_back(order[i]);
        ++batch.count;
    }
    return batch;
}

double Training::train_step(const Batch& batch, double rate) {
    const int group_size = std::min(options_.norm_batch, batch.count);
    const std::size_t groups = static_cast<std::size_t>(std::max(1, batch.count / group_size));
    const Tensors values = network_->values();
    std::vector<Tensors> gradients(groups);
    std::vector<Pass> passes(groups);
    std::vector<double> shares(groups), losses(groups), right(groups);
    const std::int64_t plane = static_cast<std::int64_t>(batch.size) * batch.size;
    threads_.run(groups, [&](std::size_t g) {
        const int begin = static_cast<int>(g) * group_size;
        const int end = g + 1 == groups ? batch.count : begin + group_size;  // the last takes what is left over
        const std::int64_t n = end - begin;
        // Channels last: convolutions and what follows them keep that order, and are a fifth to several times faster in it.
        const at::Tensor x = at::from_blob(const_cast<float*>(batch.images.data()) + begin * 3 * plane,
                                           {n, 3, batch.size, batch.size}, at::kFloat)
                                 .contiguous(at::MemoryFormat::ChannelsLast);
        passes[g].training = true;
        passes[g].bfloat16 = options_.bfloat16;
        passes[g].random_seed =
            Random(options_.seed, static_cast<std::uint64_t>(epoch_), batch.samples[static_cast<std::size_t>(begin)])
                .next();
        const at::Tensor logits = network_->run({{network_->input_name(), x}}, {output_}, passes[g])[0];
        at::Tensor loss;
        if (data_.multi_label) {
            const std::int64_t classes = logits.size(1);
            const at::Tensor target =
                at::from_blob(const_cast<float*>(batch.targets.data()) + begin * classes, {n, classes}, at::kFloat);
            loss = at::binary_cross_entropy_with_logits(logits, target);
        } else {
            const at::Tensor label =
                at::from_blob(const_cast<std::int64_t*>(batch.labels.data()) + begin, {n}, at::kLong);
            loss = at::cross_entropy_loss(logits, label, {}, at::Reduction::Mean, -100, options_.label_smoothing);
            right[g] = (logits.detach().argmax(1) == label).sum().item<double>();
        }
        gradients[g] = torch::autograd::grad({loss}, values);
        shares[g] = static_cast<double>(n) / batch.count;
        losses[g] = loss.item<double>();
    });
    double loss = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        loss += shares[g] * losses[g];
        right_ += right[g];
    }
    if (!std::isfinite(loss)) return loss;
    // Early on, the average forgets fast, else it would remember the random start.
    const double t = static_cast<double>(update_->steps);
    const double keep = std::min(options_.average, (1 + t) / (10 + t));
    update_->step(gradients, shares, rate, keep);
    std::vector<std::vector<BatchStatistics>> statistics;
    for (Pass& pass : passes) statistics.push_back(std::move(pass.statistics));
    network_->update_statistics(statistics, options_.statistics_momentum);
    at::NoGradGuard no_gradients;
    for (auto& [name, value] : averaged_->statistics())
        value.mul_(keep).add_(network_->statistics().at(name), 1 - keep);
    loss_sum_ += loss * batch.count;
    seen_ += batch.count;
    return loss;
}

bool Training::train_epoch() {
    if (step_ == 0) {
        size_ = options_.sizes.size(progress());
        loss_sum_ = right_ = seen_ = epoch_seconds_ = waited_ = 0;
    }
    const std::vector<std::uint32_t> order =
        shuffled(data_.photos->samples().size(), options_.seed, static_cast<std::uint64_t>(epoch_));
    const std::size_t steps = steps_per_epoch(), first = step_;
    BatchLoader loader([&](std::size_t i) { return make_batch(order, first + i, size_); }, steps - first,
                       {.threads = options_.loader_threads});
    auto begin = Clock::now();
    auto last_word = begin;
    const double seconds_before = epoch_seconds_, waited_before = waited_;
    const double seen_before = seen_;
    while (std::optional<Batch> batch = loader.next()) {
        const double rate = options_.schedule.learning_rate(progress());
        if (batch->count > 0) {
            const double loss = train_step(*batch, rate);
            if (!std::isfinite(loss)) {
                throw Error(
                    ErrorKind::resource,
                    fmt::format(
                        "The loss is no longer a finite number (epoch {}, step {}); {} holds the last good state. A "
                        "lower learning rate than {} may help.",
                        epoch_ + 1, step_ + 1, (options_.folder / "checkpoint.locus").string(),
                        options_.schedule.peak));
            }
        }
        ++step_;
        epoch_seconds_ = seconds_before + seconds_since(begin);
        waited_ = waited_before + loader.seconds_waited();
        if (seconds_since(last_word) > 20) {
            last_word = Clock::now();
            const double pace = (seen_ - seen_before) / std::max(1e-9, epoch_seconds_ - seconds_before);
            say(fmt::format(
                "epoch {}/{} step {}/{} at {} px: loss {:.4f}, {:.1f} % right, {:.0f} images/s, epoch done in {:.0f} s",
                epoch_ + 1, planned_epochs_, step_, steps, size_, loss_sum_ / seen_, 100 * right_ / seen_, pace,
                static_cast<double>((steps - step_) * static_cast<std::size_t>(options_.batch)) /
                    std::max(1e-9, pace)));
        }
        const bool stop =
            is_interrupted() || (options_.stop_after_steps > 0 && update_->steps >= options_.stop_after_steps);
        if (stop || seconds_since(last_save_) > options_.checkpoint_every) {
            if (step_ < steps || stop) save();
        }
        if (stop) return false;
        follow_pace();
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
    const ValidationResult result = validate(answer, *data_.validation, threads_, validation_options());
    record.loss = result.loss;
    record.top1 = result.top1;
    record.top5 = result.top5;
    record.localization = result.localization;
}

TrainOutcome Training::run() {
    fs::create_directories(options_.folder);
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
        ++epoch_;
        step_ = 0;
        if (is_time_up()) planned_epochs_ = epoch_;
        if (epoch_ == planned_epochs_ || epoch_ % std::max(1, options_.validate_every) == 0) validate_epoch(record);
        history_.push_back(record);
        say(describe(record, planned_epochs_));
        write_log(history_, options_.folder / "log.csv");
        report::write_file_atomically(
            options_.folder / "training.html",
            training_page(history_, planned_epochs_,
                          options_.network + " on " + std::to_string(data_.photos->samples().size()) + " photos"));
        save();
        if (is_interrupted()) return {history_, false};
    }
    model::Model trained = model_;
    shown().store(trained);
    ExportOptions exported;
    exported.preprocessing = options_.preprocessing;
    exported.labels = data_.classes.names();
    exported.half_weights = options_.half_weights;
    exported.description =
        fmt::format("{} with a {} head, {} classes, trained by Locus on {} photos for {} epochs.", options_.network,
                    options_.head, data_.classes.entries.size(), data_.photos->samples().size(), planned_epochs_);
    export_model(std::move(trained), exported, options_.output);
    say(fmt::format("{} written.", options_.output.string()));
    if (data_.validation) {
        ValidationOptions validation = validation_options();
        const auto own = [&](const Tensor& photos) { return from_torch(shown().run(to_torch(photos), output_)); };
        check_exported(options_.output, validation_outputs(), *data_.validation, threads_, validation, own,
                       options_.folder, data_.classes.names(), options_.say);
    }
    return {history_, true};
}

void Training::save() {
    last_save_ = Clock::now();
    Checkpoint checkpoint;
    nlohmann::json state{{"epoch", epoch_},
                         {"step", step_},
                         {"steps", update_->steps},
                         {"anchor_step", anchor_step_},
                         {"anchor_progress", anchor_progress_},
                         {"planned_epochs", planned_epochs_},
                         {"size", size_},
                         {"loss_sum", loss_sum_},
                         {"right", right_},
                         {"seen", seen_},
                         {"epoch_seconds", epoch_seconds_},
                         {"waited", waited_},
                         {"samples", data_.photos->samples().size()},
                         {"batch", options_.batch},
                         {"seed", options_.seed},
                         {"history", to_json(history_)}};
    checkpoint.state = state.dump();
    const auto put = [&](const std::string& kind, const std::string& name, const at::Tensor& value) {
        checkpoint.tensors[kind + "/" + name] = from_torch(value);
    };
    for (const Parameter& parameter : network_->parameters()) put("parameter", parameter.name, parameter.value);
    for (const Parameter& parameter : averaged_->parameters()) put("average", parameter.name, parameter.value);
    for (const auto& [name, value] : network_->statistics()) put("statistic", name, value);
    for (const auto& [name, value] : averaged_->statistics()) put("average-statistic", name, value);
    for (const auto& [name, value] : update_->state()) put("update", name, value);
    save_checkpoint(checkpoint, options_.folder / "checkpoint.locus");
}

void Training::resume() {
    const fs::path file = options_.folder / "checkpoint.locus";
    const Checkpoint checkpoint = load_checkpoint(file);
    const auto state = nlohmann::json::parse(checkpoint.state);
    if (state.at("samples") != data_.photos->samples().size() || state.at("batch") != options_.batch ||
        state.at("seed") != options_.seed) {
        throw Error(
            ErrorKind::usage,
            fmt::format("{} was made with other data, batch or seed; go on with those it began with.", file.string()));
    }
    at::NoGradGuard no_gradients;
    const auto take = [&](const std::string& kind, const std::string& name, at::Tensor value) {
        const auto found = checkpoint.tensors.find(kind + "/" + name);
        if (found == checkpoint.tensors.end() ||
            found->second.shape() != Shape(value.sizes().begin(), value.sizes().end())) {
            throw Error(ErrorKind::usage, fmt::format("{} was made with another network: '{}' is not as it was there.",
                                                      file.string(), name));
        }
        value.copy_(to_torch(found->second));
    };
    for (Parameter& parameter : network_->parameters()) take("parameter", parameter.name, parameter.value);
    for (Parameter& parameter : averaged_->parameters()) take("average", parameter.name, parameter.value);
    for (auto& [name, value] : network_->statistics()) take("statistic", name, value);
    for (auto& [name, value] : averaged_->statistics()) take("average-statistic", name, value);
    for (const auto& [name, value] : update_->state()) take("update", name, value);
    update_->steps = state.at("steps");
    epoch_ = state.at("epoch");
    step_ = state.at("step");
    size_ = state.at("size");
    loss_sum_ = state.at("loss_sum");
    right_ = state.at("right");
    seen_ = state.at("seen");
    epoch_seconds_ = state.at("epoch_seconds");
    waited_ = state.at("waited");
    history_ = records_from_json(state.at("history"));
    anchor_step_ = state.at("anchor_step");
    anchor_progress_ = state.at("anchor_progress");
    planned_epochs_ = state.at("planned_epochs");
    if (options_.epochs < planned_epochs_) {
        // Planned anew from here: the learning rate goes on from where it is and reaches its end with the last epoch.
        anchor_progress_ = progress();
        anchor_step_ = static_cast<std::int64_t>(static_cast<std::size_t>(epoch_) * steps_per_epoch() + step_);
    } else if (options_.epochs > planned_epochs_) {
        // From here on as if it had been planned so long from the start: a run that was at its end would not move else.
        anchor_progress_ = 0;
        anchor_step_ = 0;
    }
    planned_epochs_ = options_.epochs;
    say(fmt::format("going on from {}: epoch {}, step {}.", file.string(), epoch_ + 1, step_));
}

}  // namespace

TrainOutcome train(const TrainOptions& options) {
    if (options.freeze_trunk) return train_on_frozen_trunk(options);
    return Training(options).run();
}

}  // namespace locus::train
