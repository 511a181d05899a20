/// `locus check`: does a method's map follow the network's weights?

#include <iostream>

#include <fmt/format.h>

#include "batch/input_list.hpp"
#include "command.hpp"
#include "evaluate/check.hpp"
#include "method_options.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "progress.hpp"
#include "standard_streams.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct CheckArguments {
    std::string model, methods, layer, out = "locus-check", input, output;
    std::vector<std::string> inputs;
    PreprocessingOptions preprocessing;
    MethodArguments options;
    int steps = 10, threads = 0, sample_bits = 0;
    std::uint64_t seed = 0;
    bool overwrite = false, quiet = false;
};

/// Says of a picture that it is left out. Most sentences begin with its name in quotes: it is not said twice.
void tell_left_out(const std::string& name, const std::string& error) {
    const std::string file = text::printable(text::to_utf8(name)), why = text::printable(text::to_utf8(error));
    if (why.starts_with("'" + file + "'"))
        say("locus: {}\n", why);
    else
        say("locus: {}: {}\n", file, why);
}

void print_table(const evaluate::SanityResult& result) {
    fmt::print("{:<22} {:>10} {:>10} {:>10}\n", "rank correlation after", "first step", "half", "all layers");
    for (const evaluate::MethodSanity& method : result.methods) {
        const auto& curve = method.rank_correlation;
        fmt::print("{:<22} {:>10.2f} {:>10.2f} {:>10.2f}  {}\n", method.method, evaluate::mean_of(curve[1]),
                   evaluate::mean_of(curve[curve.size() / 2]), evaluate::mean_of(curve.back()),
                   evaluate::name(method.verdict));
    }
}

void check(const CheckArguments& arguments) {
    evaluate::CheckOptions options{
        .model = arguments.model,
        .network = {.input = arguments.input,
                    .output = arguments.output,
                    .threads = arguments.threads,
                    .preprocessing = arguments.preprocessing.change()},
        .labels = arguments.preprocessing.read_labels(),
        .sanity = {.methods = split_list(arguments.methods), .steps = arguments.steps, .seed = arguments.seed},
        .sample_bits = arguments.sample_bits,
        .out = arguments.out,
        .overwrite = arguments.overwrite};
    options.sanity.method.layer = arguments.layer;
    options.sanity.method.seed = arguments.seed;
    arguments.options.apply(options.sanity.method);

    Progress progress("steps", arguments.quiet);
    const evaluate::CheckObserver observer{
        .left_out = tell_left_out,
        .warning =
            [&](const std::string& warning) {
                progress.clear();
                say("locus: warning: {}\n", text::printable(warning));
            },
        .progress = [&](std::size_t done, std::size_t all) { progress.show(done, all); }};
    const evaluate::Check done = evaluate::check(options, batch::list_inputs(arguments.inputs, std::cin), observer);
    progress.clear();
    print_table(done.result);
    if (!arguments.quiet) say("locus: curves and pictures: {}\n", (options.out / "check.html").string());
    if (done.left_out > 0) throw Exit{job_failed};
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
    add_threads(command, arguments->threads);
    add_image_input(command, arguments->input);
    add_score_output(command, arguments->output);
    arguments->preprocessing.add_to(command);
    add_sample_bits(command, arguments->sample_bits)->group(PreprocessingOptions::help_group);
    arguments->options.add_to(command, {"--target-image"});
    command.add_flag("--overwrite", arguments->overwrite, "Write into OUT, whatever is there");
    command.add_flag("-q,--quiet", arguments->quiet, "Errors and the table only");
    command.callback([arguments] { check(*arguments); });
}

}  // namespace locus::command
