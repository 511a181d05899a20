// The command `locus train`: an executable of its own, since loading LibTorch takes longer than explaining a photo.

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>

#include <malloc.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "locus/error.hpp"
#include "option_values.hpp"
#include "stop_signals.hpp"
#include "text/quote.hpp"
#include "train/option_ranges.hpp"
#include "train/options.hpp"
#include "usage_errors.hpp"

namespace {

std::atomic<bool> interrupted{false};

void on_signal(int signal) {
    // The second time at once; but a closed terminal is often told twice, by the shell and by the kernel.
    if (interrupted.exchange(true) && signal != SIGHUP) std::_Exit(130);
}

/// Lets the numbers of a range pass.
CLI::Validator within(const locus::train::NumberRange& range) {
    return {[range](const std::string& text) -> std::string {
                const char* const last = text.data() + text.size();
                double value = 0;
                long long whole = 0;
                const auto [end, error] = range.is_whole ? std::from_chars(text.data(), last, whole)
                                                         : std::from_chars(text.data(), last, value);
                if (range.is_whole) value = static_cast<double>(whole);
                if (error == std::errc() && end == last && range.holds(value)) return {};
                return fmt::format("it takes {}, not {}", range.description(), locus::text::quote(text));
            },
            "", "range"};
}

}  // namespace

int main(int argc, char** argv) {
    using namespace locus;
    namespace ranges = train::ranges;
    // Activations are some megabytes each: taken from the system and given back every time, their pages cost a tenth of the run.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);

    train::TrainOptions options;
    options.schedule.peak = 0.2;
    std::string sizes, optimizer = "sgd", schedule = "one-cycle";
    CLI::App app("Trains a network from image labels and writes it as ONNX.", "locus train");
    app.add_option("--data", options.data, "Folder of class folders, tar files of such, or CSV of path and label(s)")
        ->required()
        ->type_name("SOURCE");
    app.add_option("--val", options.validation,
                   "Validation data, the same kinds (default: none, or what --val-split holds back)")
        ->type_name("SOURCE");
    app.add_option("--val-split", options.validation_split,
                   "Share of each class held back for validation (default: none)")
        ->check(within(ranges::validation_split))
        ->type_name("SHARE");
    app.add_option("--val-boxes", options.validation_boxes,
                   "Boxes of validation images, as `locus evaluate --boxes` takes them")
        ->type_name("FILE");
    app.add_option("--classes", options.classes,
                   "Order and names of the classes (index,wnid,name; default: as the folders are named)")
        ->type_name("CSV");
    command::add_sample_bits(app, options.sample_bits);
    app.add_option("--arch", options.network, "Network, see `locus build --help`")
        ->capture_default_str()
        ->type_name("NAME");
    app.add_option("--width", options.width, "Multiplies channel counts")
        ->check(within(ranges::width))
        ->capture_default_str()
        ->type_name("FACTOR");
    app.add_option("--head", options.head, "gap, gmp, sum or fc")->capture_default_str()->type_name("KIND");
    app.add_option("--from", options.from, "An ONNX classifier to begin with, instead of --arch")
        ->type_name("MODEL.onnx");
    app.add_option("--cut-at", options.cut_at, "With --from: the last tensor that is kept (default: found)")
        ->type_name("TENSOR");
    std::string freeze;
    app.add_option("--freeze", freeze,
                   "With --from: 'trunk' fits a linear layer to its pooled features, 'old' trains the new layers alone")
        ->check(CLI::IsMember({"trunk", "old"}))
        ->type_name("WHAT");
    app.add_option("--new-lr-factor", options.new_rate_factor,
                   "With --from: learning rate of the new layers over the others'")
        ->check(within(ranges::rate_factor))
        ->capture_default_str()
        ->type_name("FACTOR");
    app.add_option("--size", options.image_size, "Pixels a side of the network's input (default: the network's own)")
        ->check(within(ranges::image_size))
        ->type_name("PIXELS");
    app.add_option("--train-sizes", sizes,
                   "Sizes of training photos by progress, as in 48@0,64@0.7 (default: --size throughout)")
        ->type_name("SIZES");
    app.add_option("--epochs", options.epochs, "Passes over the data")
        ->check(within(ranges::epochs))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--minutes", options.minutes,
                   "End after so much time: the schedule follows the pace, --epochs is the most (default: as long as "
                   "the epochs take)")
        ->check(within(ranges::minutes))
        ->type_name("MINUTES");
    app.add_option("--batch", options.batch, "Images a step; with several ranks, of each")
        ->check(within(ranges::photos))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--norm-batch", options.norm_batch,
                   "Images, over all ranks, that share BatchNormalization statistics")
        ->check(within(ranges::photos))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--optimizer", optimizer, "sgd or adamw")
        ->check(CLI::IsMember({"sgd", "adamw"}))
        ->capture_default_str()
        ->type_name("NAME");
    app.add_option("--lr", options.schedule.peak, "Highest learning rate")
        ->check(within(ranges::learning_rate))
        ->capture_default_str()
        ->type_name("RATE");
    app.add_option("--schedule", schedule, "one-cycle, cosine or constant")
        ->check(CLI::IsMember({"one-cycle", "cosine", "constant"}))
        ->capture_default_str()
        ->type_name("SHAPE");
    app.add_option("--warm-up", options.schedule.warm_up, "Share of training in which the learning rate rises")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--momentum", options.momentum, "Nesterov's momentum")
        ->check(within(ranges::momentum))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--weight-decay", options.weight_decay, "On kernels and matrices")
        ->check(within(ranges::weight_decay))
        ->capture_default_str()
        ->type_name("NUMBER");
    app.add_option("--label-smoothing", options.label_smoothing, "Share of each label spread over all classes")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--mixup", options.mixup, "Lay another photo over each, by shares from Beta(ALPHA, ALPHA); 0: none")
        ->check(within(ranges::mixup))
        ->capture_default_str()
        ->type_name("ALPHA");
    app.add_option("--ema", options.average, "Decay of the moving average of weights; 0: none")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("DECAY");
    app.add_option("--min-area", options.augmentation.min_area,
                   "Least share of a photo that a random crop keeps; 1: no crop")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--padding", options.augmentation.padding,
                   "Crop out of a margin of so many pixels instead (default: none)")
        ->check(within(ranges::padding))
        ->type_name("PIXELS");
    app.add_flag("--flip,!--no-flip", options.augmentation.flip, "Mirror half of the photos (default)");
    app.add_flag("--alternate-flips", options.augmentation.alternate_flips, "A photo is mirrored every other epoch");
    app.add_option("--jitter", options.augmentation.jitter,
                   "Brightness, contrast and saturation change by up to this share")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--erase", options.augmentation.erase, "Probability of random erasing")
        ->check(within(ranges::share))
        ->capture_default_str()
        ->type_name("SHARE");
    app.add_option("--seed", options.seed, "Of weights, order, crops and all else that is random")
        ->check(command::whole_number())
        ->capture_default_str()
        ->type_name("N");
    app.add_option("-o,--output", options.output,
                   "The ONNX file; one that is not of an earlier training is replaced with --overwrite alone")
        ->capture_default_str()
        ->type_name("FILE");
    app.add_option(
           "--run", options.folder,
           "Folder for checkpoint, log.csv and training.html (default: the output's name with .training behind it)")
        ->type_name("DIR");
    std::string precision = "float32";
    app.add_option("--precision", precision,
                   "float32, or bfloat16 for the convolutions: twice as fast where the processor computes in it")
        ->check(CLI::IsMember({"float32", "bfloat16"}))
        ->capture_default_str()
        ->type_name("TYPE");
    app.add_flag("--half-weights", options.half_weights, "Store kernels as float16: half the file");
    app.add_flag("--resume", options.resume, "Go on from the checkpoint");
    app.add_flag(
        "--overwrite", options.overwrite,
        "Begin anew where a training was stopped, and replace an output that is not of a training: else refused");
    app.add_option("--threads", options.engine_threads, "Engine threads; 0: one a core")
        ->check(within(ranges::engine_threads))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--loader-threads", options.loader_threads, "Threads that decode and augment")
        ->check(within(ranges::loader_threads))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--val-every", options.validate_every, "Validate each so many epochs")
        ->check(within(ranges::validate_every))
        ->capture_default_str()
        ->type_name("N");
    app.add_option("--checkpoint-every", options.checkpoint_every, "Seconds between checkpoints; and after each epoch")
        ->check(within(ranges::checkpoint_every))
        ->capture_default_str()
        ->type_name("SECONDS");
    app.add_option("--stop-after", options.stop_after_steps, "Save and stop after so many steps (default: never)")
        ->check(within(ranges::stop_after))
        ->type_name("N");
    app.add_option("--mean", options.preprocessing.mean,
                   "Of red, green and blue, scaled to 0..1 (default: 0.485,0.456,0.406)")
        ->delimiter(',')
        ->type_name("R,G,B")
        ->check(within(ranges::mean));
    app.add_option("--std", options.preprocessing.std,
                   "Of the same, by which it is divided (default: 0.229,0.224,0.225)")
        ->delimiter(',')
        ->type_name("R,G,B")
        ->check(within(ranges::deviation));
    app.footer(
        "Started by torchrun, mpirun or srun, several processes train one network, each on its part of every step.\n"
        "Ctrl-C saves a checkpoint; --resume goes on to the same bits.");
    command::refuse_empty_values(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // help, printed
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "locus: error: %s\n", command::usage_sentence(app, "locus train", error).c_str());
        return 2;
    }
    command::handle_stop_signals(on_signal);
    options.interrupted = &interrupted;
    options.say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
    try {
        if (!sizes.empty()) options.sizes = train::SizeSchedule::parse(sizes);
        options.bfloat16 = precision == "bfloat16";
        options.freeze_trunk = freeze == "trunk";
        options.only_new = freeze == "old";
        if (options.from.empty() && !(freeze.empty() && options.cut_at.empty())) {
            throw Error(ErrorKind::usage, "--freeze and --cut-at go with --from MODEL.onnx.");
        }
        options.optimizer = optimizer == "sgd" ? train::Optimizer::sgd : train::Optimizer::adamw;
        options.schedule.shape = schedule == "one-cycle" ? train::Schedule::Shape::one_cycle
                                 : schedule == "cosine"  ? train::Schedule::Shape::cosine
                                                         : train::Schedule::Shape::constant;
        const train::TrainOutcome outcome = train::train(options);
        if (!outcome.finished) {
            std::fprintf(stderr, "locus: stopped; the same command with --resume goes on.\n");
            return 130;
        }
    } catch (const Error& error) {
        std::fprintf(stderr, "locus: error: %s\n", error.what());
        return error.kind() == ErrorKind::usage ? 2 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "locus: error: %s\n", error.what());
        return 1;
    }
    return 0;
}
