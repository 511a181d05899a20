/// `locus export`: a model that explains itself, as one ONNX file, a model repository for Triton Inference Server, a
/// web page.

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "command.hpp"
#include "default_model.hpp"
#include "deploy/triton_repository.hpp"
#include "deploy/web_page.hpp"
#include "earlier_output.hpp"
#include "explain/explained_model.hpp"
#include "explain/method_choice.hpp"
#include "explain/network.hpp"
#include "feeds.hpp"
#include "locus/error.hpp"
#include "method_options.hpp"
#include "model/onnx/onnx_file.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "report/out_folder.hpp"
#include "standard_streams.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"
#include "web_runtime.hpp"

namespace locus::command {
namespace {

struct ExportArguments {
    std::string model, method = "auto", layer, classes, map_size, out, triton, web, web_runtime, input, output;
    std::vector<std::string> feeds;
    PreprocessingOptions preprocessing;
    MethodArguments options;
    bool normalize = false, overwrite = false;
};

/// A whole number from 1 to `most`; nullopt for anything else.
std::optional<int> number(std::string_view text, int most) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most) return std::nullopt;
    return value;
}

std::pair<std::int64_t, std::int64_t> map_size(const std::string& text) {
    constexpr int most = 4096;
    const std::size_t cross = std::min(text.find('x'), text.size());
    const auto height = number(std::string_view(text).substr(0, cross), most);
    const auto width = number(std::string_view(text).substr(std::min(cross + 1, text.size())), most);
    if (!height || !width) {
        throw Error(ErrorKind::usage,
                    fmt::format("--map-size takes HEIGHTxWIDTH such as 224x224, at most {0}x{0}, not {1}", most,
                                text::quote(text)));
    }
    return {*height, *width};
}

std::optional<int> top_k(const std::string& classes) {
    if (classes == "input") return std::nullopt;
    if (classes.starts_with("top:")) {
        if (const auto k = number(std::string_view(classes).substr(4), std::numeric_limits<int>::max())) return k;
    }
    throw Error(ErrorKind::usage,
                fmt::format("--classes takes input, or top:K with K from 1 on, not {}", text::quote(classes)));
}

/// One map is what a service wants; a person at the page wants to switch between the best five.
std::optional<int> asked_classes(const ExportArguments& arguments, const explain::Network& network) {
    if (!arguments.classes.empty()) return top_k(arguments.classes);
    if (arguments.web.empty()) return 1;
    return static_cast<int>(std::min<std::int64_t>(5, explain::class_count(network)));
}

/// A model that explains itself takes no other's place: that one would be lost. Throws Error(usage).
void require_another_file(const std::filesystem::path& model, const std::filesystem::path& out) {
    std::error_code none;
    if (!std::filesystem::equivalent(model, out, none)) return;
    throw Error(ErrorKind::usage,
                fmt::format("{} is the model itself, which would be lost: choose another file with --out",
                            text::quote(out.string())));
}

/// Whether a model explains itself, as those do that `locus export` writes.
bool explains_itself(const model::Model& model) { return model.metadata.contains("locus.method"); }

bool is_explained(const std::filesystem::path& file) { return holds_model(file, explains_itself); }

/// Whether a folder is missing or holds nothing.
bool is_free(const std::filesystem::path& folder) { return report::inspect_out(folder) == report::OutState::empty; }

/// An earlier export is replaced; what others have put there is not. Throws Error(usage).
void require_room(const ExportArguments& arguments, const std::string& out) {
    if (arguments.overwrite) return;
    const auto refuse = [](const std::filesystem::path& path, const char* what, const char* option) {
        throw Error(ErrorKind::usage, fmt::format("{} {}: choose another with {}, or write there with --overwrite",
                                                  text::quote(path.string()), what, option));
    };
    if (!out.empty()) require_earlier_output(out, "a model that explains itself", explains_itself);
    const std::filesystem::path web = arguments.web;
    if (!web.empty() && !is_free(web) && !(deploy::holds_web_page(web) && is_explained(web / "model.onnx")))
        refuse(web, "holds other files than an explained model's page", "--web");
    if (arguments.triton.empty()) return;
    // Models of other names may stand beside it.
    const std::filesystem::path model = std::filesystem::path(arguments.triton) / "explained";
    if (!is_free(model) && !is_explained(model / "1" / "model.onnx"))
        refuse(model, "holds other files than an explained model's", "--triton");
}

void run(const ExportArguments& arguments) {
    const auto file = arguments.model.empty() ? default_model() : std::filesystem::path(arguments.model);
    const bool writes_file = !arguments.out.empty() || (arguments.triton.empty() && arguments.web.empty());
    const std::string out = arguments.out.empty() ? "explained.onnx" : arguments.out;
    if (writes_file) require_another_file(file, out);
    require_room(arguments, writes_file ? out : "");
    // Looked for first: a wrong path is told before any work is done.
    const auto runtime = arguments.web.empty() ? std::filesystem::path() : find_web_runtime(arguments.web_runtime);
    explain::Network network = explain::load_network(file, {.input = arguments.input,
                                                            .output = arguments.output,
                                                            .feeds = read_feeds(arguments.feeds),
                                                            .preprocessing = arguments.preprocessing.change()});
    explain::give_labels(network, arguments.preprocessing.read_labels());

    explain::ExplainedModelOptions options{.method = arguments.method, .normalize = arguments.normalize};
    options.top_k = asked_classes(arguments, network);
    options.options.layer = arguments.layer;
    arguments.options.apply(options.options);
    if (!arguments.map_size.empty()) options.map_size = map_size(arguments.map_size);

    const explain::Method& method = explain::exportable_method(network, options);
    options.method = method.name;
    explain::warn_of_bypassed_layer({&method}, network, options.options);
    for (const std::string& warning : network.warnings) say("locus: warning: {}\n", warning);
    const model::Model explained = explain::explained_model(network, options);
    const std::string what = fmt::format("{} at '{}'", explained.metadata.at("locus.method"),
                                         text::to_utf8(explained.metadata.at("locus.layer")));
    if (!arguments.triton.empty()) {
        deploy::write_triton_repository(explained, arguments.triton);
        fmt::print("{}: a model repository for Triton Inference Server, {}\n", arguments.triton, what);
    }
    if (!arguments.web.empty()) {
        deploy::write_web_page(explained, arguments.web, {.runtime = runtime, .name = file.filename().string()});
        fmt::print("{0}: a web page, {1}; to look at: python3 -m http.server -d {0}, then http://localhost:8000\n",
                   arguments.web, what);
    }
    if (writes_file) {
        model::save(explained, out);
        fmt::print("{}: {}\n", out, what);
    }
}

void add_subject_options(CLI::App& command, ExportArguments& arguments) {
    const std::string what = "What is explained";
    command
        .add_option("-M,--method", arguments.method,
                    "Method of explanation (`locus methods` lists them); auto: cam where it is defined, else the best "
                    "that applies")
        ->transform(in_any_case())
        ->type_name("NAME")
        ->capture_default_str()
        ->group(what);
    command
        .add_option("-l,--layer", arguments.layer,
                    "Target layer, by its tensor's name, or several joined by commas, fused (default: found)")
        ->type_name("TENSOR")
        ->group(what);
    command
        .add_option("-c,--classes", arguments.classes,
                    "top:K, the K best; or input: the class is an input of the file (default: top:1; with --web top:5)")
        ->transform(in_any_case())
        ->type_name("WHICH")
        ->group(what);
    command.add_option("--map-size", arguments.map_size, "Maps resized in the graph (default: the layer's size)")
        ->transform(in_any_case())
        ->type_name("HxW")
        ->group(what);
    command.add_flag("--normalize", arguments.normalize, "Maps in 0..1, as they are shown, in place of raw ones")
        ->group(what);
    add_image_input(command, arguments.input)->group(what);
    add_score_output(command, arguments.output)->group(what);
    add_feeds(command, arguments.feeds)->group(what);
}

void add_output_options(CLI::App& command, ExportArguments& arguments) {
    const std::string written = "What is written";
    command
        .add_option("-o,--out", arguments.out,
                    "The explained model (default: explained.onnx); missing folders are made")
        ->type_name("FILE")
        ->group(written);
    command.add_option("--triton", arguments.triton, "A model repository for Triton Inference Server around it")
        ->type_name("DIR")
        ->group(written);
    command
        .add_option("--web", arguments.web,
                    "A page that runs it in the browser on a photo or the camera, for any static server")
        ->type_name("DIR")
        ->group(written);
    command
        .add_option("--web-runtime", arguments.web_runtime,
                    "For --web: the folder dist of the npm package onnxruntime-web (default: what Locus was installed "
                    "with, or node_modules here)")
        ->type_name("DIR")
        ->group(written);
    command.add_flag("--overwrite", arguments.overwrite, "Replace files that are not of an earlier export")
        ->group(written);
}

}  // namespace

void add_export(CLI::App& app) {
    auto arguments = std::make_shared<ExportArguments>();
    CLI::App& command = *app.add_subcommand(
        "export", "Write a model that explains itself: one ONNX file, a Triton repository, or a web page");
    command.footer(
        "The file runs wherever ONNX Runtime runs, with no Locus there: standard ONNX operators, the model's own "
        "input, "
        "and three outputs,\n"
        "  logits   float [n, classes]     the model's scores\n"
        "  classes  int64 [n, K]           the classes explained, the best one first\n"
        "  maps     float [n, K, h, w]     where each was seen: raw, or 0 to 1 with --normalize\n"
        "How photos become the input, the labels and what the maps are is in the file's metadata. Methods of one pass "
        "can "
        "be exported (`locus methods` says which); the others are refused.\n"
        "What an earlier export wrote is replaced; other files are not, unless --overwrite says so.\n\n"
        "Examples:\n"
        "  locus export resnet50.onnx -M grad-cam --classes top:3 -o explained.onnx\n"
        "  locus export resnet50.onnx --map-size 224x224 --normalize           heat as it is shown, at the input's "
        "size\n"
        "  locus export resnet50.onnx --classes input                          the class is a second input, int64 [n]\n"
        "  locus export resnet50.onnx --triton repository                      for tritonserver --model-repository\n"
        "  locus export resnet50.onnx --web page && python3 -m http.server -d page");
    add_model_option(command, "MODEL", arguments->model);
    add_subject_options(command, *arguments);
    add_output_options(command, *arguments);
    arguments->options.add_to(command, {"--target-image", "--smooth"});
    arguments->preprocessing.add_to(command);
    command.callback([arguments] { run(*arguments); });
}

}  // namespace locus::command
