/// `locus export`: a model that explains itself, as one ONNX file, or a model repository for Triton Inference Server.

#include <filesystem>

#include <fmt/format.h>

#include "command.hpp"
#include "default_model.hpp"
#include "explain/explained_model.hpp"
#include "explain/network.hpp"
#include "explain/triton_repository.hpp"
#include "locus/error.hpp"
#include "method_options.hpp"
#include "model/onnx_file.hpp"
#include "preprocessing_options.hpp"

namespace locus::command {
namespace {

struct ExportArguments {
    std::string model, method = "auto", layer, classes = "top:1", map_size, out = "explained.onnx", triton, input,
                       output;
    PreprocessingOptions preprocessing;
    MethodArguments options;
    bool normalize = false;
};

std::pair<std::int64_t, std::int64_t> map_size(const std::string& text) {
    int height = 0, width = 0, used = 0;
    if (std::sscanf(text.c_str(), "%dx%d%n", &height, &width, &used) != 2 ||
        static_cast<std::size_t>(used) != text.size() || height < 1 || width < 1 || height > 4096 || width > 4096) {
        throw Error(ErrorKind::usage, fmt::format("--map-size takes HEIGHTxWIDTH such as 224x224, not '{}'", text));
    }
    return {height, width};
}

std::optional<int> top_k(const std::string& classes) {
    if (classes == "input") return std::nullopt;
    int k = 0, used = 0;
    if (std::sscanf(classes.c_str(), "top:%d%n", &k, &used) == 1 && static_cast<std::size_t>(used) == classes.size() &&
        k > 0)
        return k;
    throw Error(ErrorKind::usage, fmt::format("--classes takes input or top:K, not '{}'", classes));
}

void run(const ExportArguments& arguments) {
    const auto file = arguments.model.empty() ? default_model() : std::filesystem::path(arguments.model);
    explain::Network network = explain::load_network(file, {.input = arguments.input, .output = arguments.output});
    arguments.preprocessing.apply(network.preprocessing);
    if (const auto labels = arguments.preprocessing.read_labels(); !labels.empty()) network.labels = labels;

    explain::ExplainedModelOptions options{
        .method = arguments.method, .top_k = top_k(arguments.classes), .normalize = arguments.normalize};
    options.options.layer = arguments.layer;
    arguments.options.apply(options.options);
    if (!arguments.map_size.empty()) options.map_size = map_size(arguments.map_size);

    const model::Model explained = explain::explained_model(network, options);
    if (!arguments.triton.empty()) {
        explain::write_triton_repository(explained, arguments.triton);
        fmt::print("{}: a model repository for Triton Inference Server\n", arguments.triton);
    } else {
        model::save(explained, arguments.out);
        fmt::print("{}: {} at '{}'\n", arguments.out, explained.metadata.at("locus.method"),
                   explained.metadata.at("locus.layer"));
    }
}

}  // namespace

void add_export(CLI::App& app) {
    auto arguments = std::make_shared<ExportArguments>();
    CLI::App& command = *app.add_subcommand(
        "export", "Write a model that explains itself: one ONNX file with outputs logits, classes, maps");
    command.footer(
        "The file runs wherever ONNX Runtime runs, without Locus. Methods that need several passes cannot be "
        "exported.\n\n"
        "Examples:\n  locus export resnet50.onnx --method grad-cam --classes top:3 -o explained.onnx");
    command.add_option("MODEL", arguments->model, default_model_help());
    command.add_option("-m,--method", arguments->method, "The method (`locus methods`; default: auto)")
        ->type_name("NAME");
    command
        .add_option("--layer", arguments->layer,
                    "The target layer's tensor, or several joined by commas (default: found)")
        ->type_name("NAME");
    command.add_option("--classes", arguments->classes, "top:K, or input: the class is an input of the file")
        ->type_name("WHICH")
        ->capture_default_str();
    command.add_option("--map-size", arguments->map_size, "Maps resized in the graph (default: the layer's size)")
        ->type_name("HxW");
    command.add_flag("--normalize", arguments->normalize, "Maps in 0..1, as they are shown, in place of raw ones");
    command.add_option("-o,--out", arguments->out, "The file to write")->type_name("FILE")->capture_default_str();
    command.add_option("--triton", arguments->triton, "Write a Triton model repository instead")->type_name("DIR");
    command.add_option("-i,--input", arguments->input, "The image input (default: found)")->type_name("NAME");
    command.add_option("--output", arguments->output, "The score output (default: found)")->type_name("NAME");
    arguments->options.add_to(command);
    arguments->preprocessing.add_to(command);
    command.callback([arguments] { run(*arguments); });
}

}  // namespace locus::command
