/// `locus annotate`: preprocessing and labels written into a model.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.hpp"
#include "earlier_output.hpp"
#include "explain/network.hpp"
#include "locus/error.hpp"
#include "model/finite.hpp"
#include "model/head.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/onnx/onnx_file.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct AnnotateArguments {
    PreprocessingOptions preprocessing;
    std::filesystem::path model, out;
    std::string input;
    bool overwrite = false, quiet = false;
};

/// The number of classes, where the first output's shape says it.
std::optional<std::int64_t> classes(const model::Graph& graph) {
    const auto& shape = graph.outputs.front().shape;
    if (!shape || shape->size() < 2) return std::nullopt;
    return (*shape)[1].value;
}

/// The model itself is replaced where it is named, and so is an earlier result: the same but for its metadata. Throws
/// Error(usage).
void require_room(const model::Model& model, const AnnotateArguments& arguments) {
    std::error_code none;
    if (arguments.overwrite || std::filesystem::equivalent(arguments.model, arguments.out, none)) return;
    const auto without_metadata = [](model::Model copy) {
        copy.metadata.clear();
        return model::serialize(copy);
    };
    require_earlier_output(arguments.out, "an earlier copy of this model", [&](const model::Model& other) {
        return without_metadata(other) == without_metadata(model);
    });
}

void annotate(const AnnotateArguments& arguments) {
    model::Model model = model::load(arguments.model);
    require_room(model, arguments);
    model::require_numbers(model.graph, arguments.model);
    const std::vector<std::string> labels = arguments.preprocessing.read_labels();
    if (const auto count = classes(model.graph);
        count && !labels.empty() && static_cast<std::int64_t>(labels.size()) != *count) {
        throw Error(ErrorKind::usage, fmt::format("the label file {} holds {} labels, but the model has {} classes",
                                                  text::quote(arguments.preprocessing.labels), labels.size(), *count));
    }
    const model::ValueInfo input = model::find_image_input(model.graph, arguments.input);
    model::Metadata found = model::read_metadata(model, arguments.model, input);
    arguments.preprocessing.apply(found.preprocessing);
    explain::require_fit(model, input, found.preprocessing);
    model::write_metadata(model, found.preprocessing, labels.empty() ? found.labels : labels);
    const model::Metadata written = model::read_metadata(model, {}, input);  // refuses what no reader could use
    model::save(model, arguments.out);
    if (arguments.quiet) return;

    fmt::print("{}:\n", text::to_utf8(arguments.out.string()));
    for (const char* key : {"mean", "std", "range", "size", "resize", "crop_pct", "color", "layout"}) {
        if (const auto value = model.metadata.find(key); value != model.metadata.end())
            fmt::print("  {:<8} {}\n", key, value->second);
    }
    fmt::print("  {:<8} {}\n", "labels", written.labels.empty() ? "none" : fmt::format("{}", written.labels.size()));
}

}  // namespace

void add_annotate(CLI::App& app) {
    auto arguments = std::make_shared<AnnotateArguments>();
    CLI::App& command = *app.add_subcommand(
        "annotate", "Write preprocessing and labels into a model, so that nobody has to give them again");
    command.footer(
        "What is not given is taken as `locus inspect` shows it: from the model, from a Hugging Face configuration "
        "beside it, or ImageNet's.\n"
        "The graph and its weights stay as they are; external weights are taken in.\n\n"
        "Examples:\n"
        "  locus annotate resnet50.onnx --labels imagenet.txt -o annotated.onnx\n"
        "  locus annotate keras.onnx --mean 0.5 --std 0.5 --layout nhwc --labels labels.json -o annotated.onnx");
    command.add_option("MODEL", arguments->model, "The model, an ONNX file")->required();
    command
        .add_option(
            "-o,--out", arguments->out,
            "The ONNX file to write; MODEL itself may be named, an earlier copy of it is replaced, missing folders are "
            "made")
        ->required()
        ->type_name("FILE");
    add_image_input(command, arguments->input);
    command.add_flag("--overwrite", arguments->overwrite, "Replace FILE, whatever it is");
    command.add_flag("-q,--quiet", arguments->quiet, "Say nothing but warnings and errors");
    arguments->preprocessing.add_to(command);
    command.callback([arguments] { annotate(*arguments); });
}

}  // namespace locus::command
