#include "train/run_settings.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "files/sha256.hpp"
#include "text/utf8.hpp"

namespace locus::train {

namespace {

std::string digest_of(const PhotoStore* photos, bool multi_label) {
    if (photos == nullptr) return "";
    std::string text = fmt::format("{}\n", multi_label);
    for (const dataset::Sample& sample : photos->samples())
        text += fmt::format("{} {} {}\n", sample.name, sample.size, fmt::join(sample.labels, ","));
    return files::sha256(text);
}

std::string digest_of(const dataset::ClassList& classes) {
    std::string text;
    for (const dataset::ClassEntry& entry : classes.entries) text += entry.key + '\n' + entry.name + '\n';
    return files::sha256(text);
}

const char* name_of(Optimizer optimizer) { return optimizer == Optimizer::sgd ? "sgd" : "adamw"; }

const char* name_of(Schedule::Shape shape) {
    switch (shape) {
        case Schedule::Shape::one_cycle:
            return "one-cycle";
        case Schedule::Shape::cosine:
            return "cosine";
        case Schedule::Shape::constant:
            break;
    }
    return "constant";
}

std::string text_of(const std::array<float, 3>& colors) { return fmt::format("{}", fmt::join(colors, " ")); }

std::string text_of(const SizeSchedule& sizes) {
    std::string text;
    for (const SizeStep& step : sizes.steps)
        text += fmt::format("{}{}@{}", text.empty() ? "" : ",", step.size, step.from);
    return text;
}

std::string value_in(const RunSettings& settings, const std::string& name) {
    const auto found = std::find_if(settings.begin(), settings.end(), [&](const auto& s) { return s.first == name; });
    return found == settings.end() ? std::string() : found->second;
}

}  // namespace

RunSettings run_settings(const TrainOptions& options, const TrainingData& data, int ranks) {
    RunSettings settings;
    const auto put = [&](const char* name, const auto& value) {
        settings.emplace_back(name, fmt::format("{}", value));
    };
    put("the list of training photos", digest_of(data.photos.get(), data.multi_label));
    put("the list of classes", digest_of(data.classes));
    const bool is_new = options.from.empty();
    put("--from", is_new ? "" : files::sha256_of_file(options.from));
    put("--arch", is_new ? text::to_utf8(options.network) : "");
    put("--width", is_new ? fmt::format("{}", options.width) : "");
    put("--cut-at", text::to_utf8(options.cut_at));
    put("--freeze", options.only_new ? "old" : "");
    put("--new-lr-factor", is_new ? "" : fmt::format("{}", options.new_rate_factor));
    put("--head", text::to_utf8(options.head));
    put("--size", options.image_size);
    if (options.sample_bits != 0) put("--bits", options.sample_bits);
    put("--mean", text_of(options.preprocessing.mean));
    put("--std", text_of(options.preprocessing.std));
    put("the value of white", options.preprocessing.range);
    put("the order of colours", name(options.preprocessing.color));
    put("--train-sizes", text_of(options.sizes));
    put("--batch over all ranks", std::int64_t{options.batch} * ranks);
    put("--norm-batch", options.norm_batch);
    put("--optimizer", name_of(options.optimizer));
    put("--lr", options.schedule.peak);
    put("--schedule", name_of(options.schedule.shape));
    put("--warm-up", options.schedule.warm_up);
    put("--momentum", options.momentum);
    put("--weight-decay", options.weight_decay);
    put("--label-smoothing", options.label_smoothing);
    put("--mixup", options.mixup);
    put("--precision", options.bfloat16 ? "bfloat16" : "float32");
    put("--ema", options.average);
    put("the momentum of statistics", options.statistics_momentum);
    put("--min-area", options.augmentation.min_area);
    put("the aspect of crops", options.augmentation.max_aspect);
    put("--padding", options.augmentation.padding);
    put("--flip", options.augmentation.flip ? "on" : "off");
    put("--alternate-flips", options.augmentation.alternate_flips ? "on" : "off");
    put("--jitter", options.augmentation.jitter);
    put("--erase", options.augmentation.erase);
    put("--seed", options.seed);
    return settings;
}

RunSettings rank_settings(const TrainOptions& options, const TrainingData& data, int ranks) {
    RunSettings settings = run_settings(options, data, ranks);
    const auto put = [&](const char* name, const auto& value) {
        settings.emplace_back(name, fmt::format("{}", value));
    };
    put("--epochs", options.epochs);
    put("--minutes", options.minutes);
    put("the list of validation photos", digest_of(data.validation.get(), data.multi_label));
    put("--val-boxes", data.boxes ? fmt::format("for {} images", data.boxes->all().size()) : "");
    put("--val-every", options.validate_every);
    put("--stop-after", options.stop_after_steps);
    put("--resume", options.resume ? "on" : "off");
    return settings;
}

std::string differences(const RunSettings& own, const RunSettings& others, const std::string& others_have) {
    std::string found;
    const auto compare = [&](const std::string& name) {
        const std::string mine = value_in(own, name), theirs = value_in(others, name);
        if (mine == theirs) return;
        const bool is_digest = std::max(mine.size(), theirs.size()) == 64;  // which says nothing to a reader
        found += found.empty() ? "" : ", and ";
        found += is_digest ? fmt::format("{} is another", name)
                           : fmt::format("{} is {} and {} {}", name, mine.empty() ? "not given" : mine, others_have,
                                         theirs.empty() ? "not given" : theirs);
    };
    for (const auto& [name, value] : own) compare(name);
    for (const auto& other : others) {
        if (std::none_of(own.begin(), own.end(), [&](const auto& s) { return s.first == other.first; }))
            compare(other.first);
    }
    return found;
}

}  // namespace locus::train
