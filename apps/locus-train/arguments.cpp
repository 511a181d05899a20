#include "arguments.hpp"

#include <charconv>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "option_values.hpp"
#include "text/quote.hpp"
#include "train/option_ranges.hpp"

namespace locus::command {

namespace ranges = train::ranges;

namespace {

/// Lets the numbers of a range pass.
CLI::Validator within(const train::NumberRange& range) {
    return {[range](const std::string& text) -> std::string {
                const char* const last = text.data() + text.size();
                double value = 0;
                long long whole = 0;
                const auto [end, error] = range.is_whole ? std::from_chars(text.data(), last, whole)
                                                         : std::from_chars(text.data(), last, value);
                if (range.is_whole) value = static_cast<double>(whole);
                if (error == std::errc() && end == last && range.holds(value)) return {};
                return fmt::format("it takes {}, not {}", range.description(), text::quote(text));
            },
            "", "range"};
}

}  // namespace

void Arguments::add_to(CLI::App& app) {
    add_data_options(app);
    add_network_options(app);
    add_step_options(app);
    add_optimizer_options(app);
    add_regularisation_options(app);
    add_run_options(app);
    for (const char* name : {"--mean",
                             "--std",
                             "--arch",
                             "--width",
                             "--new-lr-factor",
                             "--size",
                             "--minutes",
                             "--batch",
                             "--norm-batch",
                             "--train-sizes",
                             "--precision",
                             "--optimizer",
                             "--lr",
                             "--schedule",
                             "--warm-up",
                             "--momentum",
                             "--weight-decay",
                             "--ema",
                             "--min-area",
                             "--padding",
                             "--flip",
                             "--alternate-flips",
                             "--jitter",
                             "--erase",
                             "--mixup",
                             "--label-smoothing",
                             "--loader-threads",
                             "--val-every",
                             "--checkpoint-every",
                             "--stop-after"}) {
        without_use_for_trunk_.push_back(app.get_option(name));
    }
    app.footer(
        "Started by torchrun, mpirun or srun, several processes train one network, each on its part of every step.\n"
        "Ctrl-C saves a checkpoint; --resume goes on to the same bits.");
}

void Arguments::add_data_options(CLI::App& app) {
    const std::string group = "Data";
    app.add_option("--data", options_.data, "Folder of class folders, tar files of such, or CSV of path and label(s)")
        ->required()
        ->type_name("SOURCE")
        ->group(group);
    app.add_option("--val", options_.validation,
                   "Validation data, the same kinds (default: none, or what --val-split holds back)")
        ->type_name("SOURCE")
        ->group(group);
    app.add_option("--val-split", options_.validation_split,
                   "Share of each class held back for validation (default: none)")
        ->check(within(ranges::validation_split))
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--val-boxes", options_.validation_boxes,
                   "Boxes of validation images, as `locus evaluate --boxes` takes them")
        ->type_name("FILE")
        ->group(group);
    app.add_option("--classes", options_.classes,
                   "Order and names of the classes (index,wnid,name; default: as the folders are named)")
        ->type_name("CSV")
        ->group(group);
    command::add_sample_bits(app, options_.sample_bits)->group(group);
    app.add_option("--mean", options_.preprocessing.mean,
                   "Of red, green and blue, scaled to 0..1 (default: 0.485,0.456,0.406)")
        ->delimiter(',')
        ->type_name("R,G,B")
        ->check(within(ranges::mean))
        ->group(group);
    app.add_option("--std", options_.preprocessing.std,
                   "Of the same, by which it is divided (default: 0.229,0.224,0.225)")
        ->delimiter(',')
        ->type_name("R,G,B")
        ->check(within(ranges::deviation))
        ->group(group);
}

void Arguments::add_network_options(CLI::App& app) {
    const std::string group = "Network";
    app.add_option("--arch", options_.network, "Network, see `locus build --help`")
        ->transform(command::in_any_case())
        ->capture_default_str()
        ->type_name("NAME")
        ->group(group);
    app.add_option("--width", options_.width, "Multiplies channel counts")
        ->check(within(ranges::width))
        ->capture_default_str()
        ->type_name("FACTOR")
        ->group(group);
    app.add_option("--head", options_.head, "gap, gmp, sum or fc")
        ->transform(command::in_any_case())
        ->capture_default_str()
        ->type_name("KIND")
        ->group(group);
    app.add_option("--from", options_.from, "An ONNX classifier to begin with, instead of --arch")
        ->type_name("MODEL.onnx")
        ->group(group);
    app.add_option("--cut-at", options_.cut_at, "With --from: the last tensor that is kept (default: found)")
        ->type_name("TENSOR")
        ->group(group);
    app.add_option("--freeze", freeze_,
                   "With --from: 'trunk' fits a linear layer to its pooled features, 'old' trains the new layers alone")
        ->transform(command::in_any_case())
        ->check(CLI::IsMember({"trunk", "old"}))
        ->type_name("WHAT")
        ->group(group);
    app.add_option("--new-lr-factor", options_.new_rate_factor,
                   "With --from: learning rate of the new layers over the others'")
        ->check(within(ranges::rate_factor))
        ->capture_default_str()
        ->type_name("FACTOR")
        ->group(group);
    app.add_option("--size", options_.image_size, "Pixels a side of the network's input (default: the network's own)")
        ->check(within(ranges::image_size))
        ->type_name("PIXELS")
        ->group(group);
}

void Arguments::add_step_options(CLI::App& app) {
    const std::string group = "Training";
    app.add_option("--epochs", options_.epochs, "Passes over the data")
        ->check(within(ranges::epochs))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--minutes", options_.minutes,
                   "End after so much time: the schedule follows the pace, --epochs is the most (default: as long as "
                   "the epochs take)")
        ->check(within(ranges::minutes))
        ->type_name("MINUTES")
        ->group(group);
    app.add_option("--batch", options_.batch, "Images a step; with several ranks, of each")
        ->check(within(ranges::photos))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--norm-batch", options_.norm_batch,
                   "Images, over all ranks, that share BatchNormalization statistics")
        ->check(within(ranges::photos))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--train-sizes", sizes_,
                   "Sizes of training photos by progress, as in 48@0,64@0.7 (default: --size throughout)")
        ->type_name("SIZES")
        ->group(group);
    app.add_option("--precision", precision_,
                   "float32, or bfloat16 for the convolutions: twice as fast where the processor computes in it")
        ->transform(command::in_any_case())
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str()
        ->type_name("TYPE")
        ->group(group);
    app.add_option("--seed", options_.seed, "Of weights, order, crops and all else that is random")
        ->check(command::whole_number())
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
}

void Arguments::add_optimizer_options(CLI::App& app) {
    const std::string group = "Optimizer";
    app.add_option("--optimizer", optimizer_, "sgd or adamw")
        ->transform(command::in_any_case())
        ->check(CLI::IsMember({"sgd", "adamw"}))
        ->capture_default_str()
        ->type_name("NAME")
        ->group(group);
    app.add_option("--lr", options_.schedule.peak, "Highest learning rate")
        ->check(within(ranges::learning_rate))
        ->capture_default_str()
        ->type_name("RATE")
        ->group(group);
    app.add_option("--schedule", schedule_, "one-cycle, cosine or constant")
        ->transform(command::in_any_case())
        ->check(CLI::IsMember({"one-cycle", "cosine", "constant"}))
        ->capture_default_str()
        ->type_name("SHAPE")
        ->group(group);
    app.add_option("--warm-up", options_.schedule.warm_up, "Share of training in which the learning rate rises")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--momentum", options_.momentum, "Nesterov's momentum")
        ->check(within(ranges::momentum))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--weight-decay", options_.weight_decay, "On kernels and matrices")
        ->check(within(ranges::weight_decay))
        ->capture_default_str()
        ->type_name("NUMBER")
        ->group(group);
    app.add_option("--ema", options_.average, "Decay of the moving average of weights; 0: none")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("DECAY")
        ->group(group);
}

void Arguments::add_regularisation_options(CLI::App& app) {
    const std::string group = "Augmentation and regularisation";
    app.add_option("--min-area", options_.augmentation.min_area,
                   "Least share of a photo that a random crop keeps; 1: no crop")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--padding", options_.augmentation.padding,
                   "Crop out of a margin of so many pixels instead (default: none)")
        ->check(within(ranges::padding))
        ->type_name("PIXELS")
        ->group(group);
    app.add_flag("--flip,!--no-flip", options_.augmentation.flip, "Mirror half of the photos (default)")->group(group);
    app.add_flag("--alternate-flips", options_.augmentation.alternate_flips, "A photo is mirrored every other epoch")
        ->group(group);
    app.add_option("--jitter", options_.augmentation.jitter,
                   "Brightness, contrast and saturation change by up to this share")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--erase", options_.augmentation.erase, "Probability of random erasing")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
    app.add_option("--mixup", options_.mixup, "Lay another photo over each, by shares from Beta(ALPHA, ALPHA); 0: none")
        ->check(within(ranges::mixup))
        ->capture_default_str()
        ->type_name("ALPHA")
        ->group(group);
    app.add_option("--label-smoothing", options_.label_smoothing, "Share of each label spread over all classes")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE")
        ->group(group);
}

void Arguments::add_run_options(CLI::App& app) {
    const std::string group = "The run";
    app.add_option("-o,--output", options_.output,
                   "The ONNX file; one that is not of an earlier training is replaced with --overwrite alone")
        ->capture_default_str()
        ->type_name("FILE")
        ->group(group);
    app.add_option(
           "--run", options_.folder,
           "Folder for checkpoint, log.csv and training.html (default: the output's name with .training behind it)")
        ->type_name("DIR")
        ->group(group);
    app.add_flag("--half-weights", options_.half_weights, "Store kernels as float16: half the file")->group(group);
    app.add_flag("--resume", options_.resume, "Go on from the checkpoint")->group(group);
    app.add_flag(
           "--overwrite", options_.overwrite,
           "Begin anew where a training was stopped, and replace an output that is not of a training: else refused")
        ->group(group);
    app.add_option("--threads", options_.engine_threads, "Engine threads; 0: one a core")
        ->check(within(ranges::engine_threads))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--loader-threads", options_.loader_threads, "Threads that decode and augment")
        ->check(within(ranges::loader_threads))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--val-every", options_.validate_every, "Validate each so many epochs")
        ->check(within(ranges::validate_every))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--checkpoint-every", options_.checkpoint_every, "Seconds between checkpoints; and after each epoch")
        ->check(within(ranges::checkpoint_every))
        ->capture_default_str()
        ->type_name("SECONDS")
        ->group(group);
    app.add_option("--stop-after", options_.stop_after_steps,
                   "Save and stop after so many steps of this run (default: never)")
        ->check(within(ranges::stop_after))
        ->type_name("N")
        ->group(group);
}

train::TrainOptions Arguments::options() const {
    train::TrainOptions options = options_;
    if (!sizes_.empty()) options.sizes = train::SizeSchedule::parse(sizes_);
    options.bfloat16 = precision_ == "bfloat16";
    options.freeze_trunk = freeze_ == "trunk";
    options.only_new = freeze_ == "old";
    if (options.from.empty() && !(freeze_.empty() && options.cut_at.empty()))
        throw Error(ErrorKind::usage, "--freeze and --cut-at go with --from MODEL.onnx");
    for (const CLI::Option* option : without_use_for_trunk_) {
        if (!options.freeze_trunk || option->count() == 0) continue;
        throw Error(ErrorKind::usage, fmt::format("{} has no effect on --freeze trunk, which fits one linear layer in "
                                                  "its own way: leave it out",
                                                  option->get_name()));
    }
    options.optimizer = optimizer_ == "sgd" ? train::Optimizer::sgd : train::Optimizer::adamw;
    options.schedule.shape = schedule_ == "one-cycle" ? train::Schedule::Shape::one_cycle
                             : schedule_ == "cosine"  ? train::Schedule::Shape::cosine
                                                      : train::Schedule::Shape::constant;
    return options;
}

}  // namespace locus::command
