/// `locus check`: does a method's map follow the network's weights?

#include <iostream>

#include <fmt/format.h>

#include "batch/input_list.hpp"
#include "batch/item_source.hpp"
#include "command.hpp"
#include "evaluate/sanity.hpp"
#include "evaluate/sanity_folder.hpp"
#include "explain/explained_model.hpp"
#include "explain/network.hpp"
#include "files/atomic_file.hpp"
#include "image/preview.hpp"
#include "image/sample_depth.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "locus/version.hpp"
#include "method_options.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "progress.hpp"
#include "report/out_folder.hpp"
#include "standard_streams.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

constexpr int picture_side = 150;
constexpr std::size_t largest_check = std::size_t{1} << 30;  // bytes of the network's input

struct CheckArguments {
    std::string model, methods, layer, out = "locus-check", input, output;
    std::vector<std::string> inputs;
    PreprocessingOptions preprocessing;
    MethodArguments options;
    int steps = 10, threads = 0, sample_bits = 0;
    std::uint64_t seed = 0;
    bool overwrite = false, quiet = false;
};

/// Methods of different kinds, as far as they apply.
std::vector<std::string> default_methods(const explain::Network& network) {
    std::vector<std::string> names;
    for (const char* name :
         {"cam", "grad-cam", "layer-cam", "eigen-cam", "input-x-gradient", "guided-backprop", "random"}) {
        const auto obstacle = explain::find_method(name).obstacle;
        if (obstacle == nullptr || obstacle(network).empty()) names.emplace_back(name);
    }
    return names;
}

struct Looked {
    Tensor inputs;
    std::vector<evaluate::SanityImage> images;
    std::size_t failed = 0;
    bool has_16_bits = false;  ///< one of the pictures
};

/// Says of a picture that it is left out. Most sentences begin with its name in quotes: it is not said twice.
void tell_left_out(const std::string& name, const std::string& error) {
    const std::string file = text::printable(text::to_utf8(name)), why = text::printable(text::to_utf8(error));
    if (why.starts_with("'" + file + "'"))
        say("locus: {}\n", why);
    else
        say("locus: {}: {}\n", file, why);
}

/// What cannot be read is named and left out. Throws Error(io) where nothing is left.
Looked read_images(const std::vector<batch::InputItem>& items, const Preprocessing& preprocessing, int sample_bits) {
    const std::size_t most = largest_check / input_bytes(preprocessing);
    if (items.size() > most) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} images are too many: a check holds all of them in memory, of this "
                                "network's size {} at most",
                                items.size(), most));
    }
    batch::InputBatch inputs(preprocessing, items.size(), sample_bits);
    Looked looked;
    for (const batch::InputItem& item : items) {
        try {
            if (!item.error.empty()) throw Error(ErrorKind::io, item.error);
            const batch::Source source = inputs.read(item, false);
            if (!source.warning.empty()) say("locus: warning: {}\n", text::printable(source.warning));
            looked.has_16_bits |= source.has_16_bits;
            evaluate::SanityImage image{.name = item.name,
                                        .file = fmt::format("maps/{}.png", item.stem),
                                        .picture = image::preview(source.picture, picture_side)};
            const double x = static_cast<double>(image.picture.width) / source.width,
                         y = static_cast<double>(image.picture.height) / source.height;
            image.region = {source.region.x * x, source.region.y * y, source.region.width * x,
                            source.region.height * y};
            looked.images.push_back(std::move(image));
        } catch (const Error& error) {
            tell_left_out(item.name, error.what());
            ++looked.failed;
        }
    }
    if (looked.images.empty()) throw Error(ErrorKind::io, "none of the images can be read");
    std::vector<Tensor> tensors = inputs.take();
    if (tensors.size() > 1) {
        throw Error(ErrorKind::usage, fmt::format("inputs of the shapes {} and {} do not go into one check",
                                                  to_string(tensors[0].shape()), to_string(tensors[1].shape())));
    }
    looked.inputs = std::move(tensors.front());
    return looked;
}

/// An earlier check is replaced; a run's results, and what others have put into the folder, are not. Throws
/// Error(usage).
void require_room(const CheckArguments& arguments) {
    const std::filesystem::path out = arguments.out;
    const report::OutState state = report::inspect_out(out);
    if (arguments.overwrite || state == report::OutState::empty || evaluate::holds_check(out)) return;
    throw Error(ErrorKind::usage, fmt::format("{} holds {}: choose another folder with --out, or put a check's files "
                                              "beside them with --overwrite",
                                              text::quote(arguments.out),
                                              state == report::OutState::foreign ? "other files" : "a run's results"));
}

void check(const CheckArguments& arguments) {
    require_room(arguments);
    explain::Network network =
        explain::load_network(arguments.model, {.input = arguments.input,
                                                .output = arguments.output,
                                                .threads = arguments.threads,
                                                .preprocessing = arguments.preprocessing.change()});
    explain::give_labels(network, arguments.preprocessing.read_labels());

    const auto items = batch::list_inputs(arguments.inputs, std::cin);
    if (items.empty()) throw Error(ErrorKind::usage, "there are no images to look at");
    // Opened and given up: a folder that takes no file is told of before the work, not after it.
    const std::filesystem::path out = arguments.out;
    { const files::AtomicFile probe(out / report::check_results); }
    Looked looked = read_images(items, network.preprocessing, arguments.sample_bits);
    if (arguments.sample_bits != 0 && !looked.has_16_bits && !arguments.quiet)
        say("locus: warning: {}\n", image::bits_remark(arguments.sample_bits));
    if (looked.inputs.type() != network.input_type) looked.inputs = looked.inputs.to(network.input_type);

    evaluate::SanityOptions options{
        .methods = arguments.methods.empty() ? default_methods(network) : split_lists({arguments.methods}),
        .steps = arguments.steps,
        .seed = arguments.seed};
    options.method.layer = arguments.layer;
    options.method.seed = arguments.seed;
    arguments.options.apply(options.method);
    Progress progress("steps", arguments.quiet);
    const auto result = evaluate::sanity_check(network, looked.inputs, options,
                                               [&](std::size_t done, std::size_t all) { progress.show(done, all); });
    progress.clear();
    for (const std::string& warning : result.warnings) say("locus: warning: {}\n", warning);

    const evaluate::SanityDescription description{version, arguments.model, arguments.seed, network.labels};
    evaluate::write_check(out, result, looked.images, description);

    fmt::print("{:<22} {:>10} {:>10} {:>10}\n", "rank correlation after", "first step", "half", "all layers");
    for (const evaluate::MethodSanity& method : result.methods) {
        const auto& curve = method.rank_correlation;
        fmt::print("{:<22} {:>10.2f} {:>10.2f} {:>10.2f}  {}\n", method.method, evaluate::mean_of(curve[1]),
                   evaluate::mean_of(curve[curve.size() / 2]), evaluate::mean_of(curve.back()),
                   evaluate::name(method.verdict));
    }
    if (!arguments.quiet) say("locus: curves and pictures: {}\n", (out / "check.html").string());
    if (looked.failed > 0) throw Exit{job_failed};
}

}  // namespace

void add_check(CLI::App& app) {
    auto arguments = std::make_shared<CheckArguments>();
    CLI::App& command = *app.add_subcommand(
        "check", "Make a network's weights random, layer by layer, and see whether the maps follow");
    command.footer(
        "A map that shows what a network has learned changes as its weights are lost; one that stays shows the image "
        "alone (Adebayo et al. 2018).\n"
        "Weights are shuffled within each layer, from the scores down, each step on top of those before; maps are "
        "compared with those of the trained\n"
        "network by rank correlation and structural similarity. OUT holds check.json, check.html and maps/*.png: a "
        "folder that is new, empty or an earlier check's, unless --overwrite says otherwise "
        "(docs/methods.md). A picture that cannot be read is named and left out, and the exit code is 1.\n\n"
        "Examples:\n"
        "  locus check resnet50.onnx cat.jpg dog.jpg\n"
        "  locus check resnet50.onnx photos/ -M grad-cam,rise --steps 5 --set samples=500");
    command.add_option("MODEL", arguments->model, "ONNX model")->required()->type_name("");
    command.add_option("IMAGE", arguments->inputs, "Pictures, folders, globs or .npy arrays, as for `locus explain`")
        ->required()
        ->type_name("");
    command
        .add_option("-M,--method", arguments->methods,
                    "Methods, joined by commas (default: cam, grad-cam, layer-cam, eigen-cam, input-x-gradient, "
                    "guided-backprop, random, where they apply)")
        ->transform(in_any_case())
        ->type_name("LIST");
    command.add_option("-l,--layer", arguments->layer, "Target layer (default: found)")->type_name("TENSOR");
    command.add_option("--steps", arguments->steps, "Over how many steps the layers are dealt out")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000))
        ->type_name("N");
    command.add_option("--seed", arguments->seed, "Seed of the shuffling")
        ->capture_default_str()
        ->check(whole_number())
        ->type_name("N");
    command.add_option("-o,--out", arguments->out, "Folder for the results")->capture_default_str()->type_name("DIR");
    command.add_option("-j,--threads", arguments->threads, "Threads (default: one a core; at most eight a core)")
        ->check(CLI::Range(1, 4096))
        ->type_name("N");
    command.add_option("-i,--input", arguments->input, "The model's image input (default: found)")->type_name("NAME");
    command.add_option("--output", arguments->output, "The model's score output (default: found)")->type_name("NAME");
    arguments->preprocessing.add_to(command);
    add_sample_bits(command, arguments->sample_bits)->group(PreprocessingOptions::help_group);
    arguments->options.add_to(command, {"--target-image"});
    command.add_flag("--overwrite", arguments->overwrite, "Write into OUT, whatever is there");
    command.add_flag("-q,--quiet", arguments->quiet, "Errors and the table only");
    command.callback([arguments] { check(*arguments); });
}

}  // namespace locus::command
