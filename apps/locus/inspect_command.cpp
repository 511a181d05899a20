/// `locus inspect`: what a model is, how it is fed and where it can be explained.

#include <algorithm>
#include <cmath>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "command.hpp"
#include "default_model.hpp"
#include "explain/inspection.hpp"
#include "explain/method.hpp"
#include "feeds.hpp"
#include "option_values.hpp"
#include "preprocessing_options.hpp"
#include "report/results_json.hpp"
#include "text/quote.hpp"
#include "text/utf8.hpp"

namespace locus::command {
namespace {

struct InspectArguments {
    std::string model, input, output;
    std::vector<std::string> feeds;
    PreprocessingOptions preprocessing;
    bool json = false;
};

/// "3.50 M", "301 k".
std::string amount(std::int64_t count) {
    if (count >= 1'000'000'000) return fmt::format("{:.2f} G", static_cast<double>(count) / 1e9);
    if (count >= 1'000'000) return fmt::format("{:.2f} M", static_cast<double>(count) / 1e6);
    if (count >= 10'000) return fmt::format("{:.0f} k", static_cast<double>(count) / 1e3);
    return fmt::format("{}", count);
}

std::string pixels(double value) {
    if (value == 0) return "unknown";
    return std::isinf(value) ? "all" : fmt::format("{:g}", value);
}

/// A shape with the batch as n.
std::string written(const Shape& shape) {
    std::vector<std::string> parts;
    for (const std::int64_t extent : shape) parts.push_back(extent < 0 ? "n" : fmt::format("{}", extent));
    return fmt::format("[{}]", fmt::join(parts, ", "));
}

/// Preprocessing, a line a value: name, value, where it was found.
std::vector<std::array<std::string, 3>> preprocessing_lines(const explain::Network& network) {
    const Preprocessing& p = network.preprocessing;
    const auto origin = [&](const char* key) {
        const auto found = network.origins.find(key);
        return found == network.origins.end() ? std::string("default") : found->second;
    };
    if (p.color == ColorOrder::other) {
        return {{"size", fmt::format("{} x {}", p.width, p.height), origin("size")},
                {"channels", fmt::format("{}: no photos, .npy arrays", p.other_channels), origin("color")},
                {"layout", std::string(name(p.layout)), origin("layout")}};
    }
    const auto of_channels = [&](const std::array<float, 3>& values) {
        return p.color == ColorOrder::gray ? fmt::format("{:g}", values[0])
                                           : fmt::format("{:g}, {:g}, {:g}", values[0], values[1], values[2]);
    };
    return {{"size", fmt::format("{} x {}", p.width, p.height), origin("size")},
            {"mean", of_channels(p.mean), origin("mean")},
            {"std", of_channels(p.std), origin("std")},
            {"range", fmt::format("0..{:g}", p.range), origin("range")},
            {"color", std::string(name(p.color)), origin("color")},
            {"layout", std::string(name(p.layout)), origin("layout")},
            {"resize",
             p.resize == Resize::squash ? "squash" : fmt::format("{}, {:g} of the side", name(p.resize), p.crop_pct),
             origin("resize")}};
}

void print_file(const explain::Network& network, const explain::Inspection& found) {
    fmt::print("{}\n", text::printable(network.file.string()));
    if (!network.model.producer_name.empty())
        fmt::print("  made by      {}{}{}\n", text::printable(network.model.producer_name),
                   network.model.producer_version.empty() ? "" : " ", text::printable(network.model.producer_version));
    fmt::print("  opset        {}\n", network.model.opset());
    fmt::print("  input        {} {} {}\n", text::quote(network.input), locus::name(network.input_type),
               written(found.input_shape));
    fmt::print("\nPreprocessing\n");
    for (const auto& [key, value, origin] : preprocessing_lines(network))
        fmt::print("  {:<12} {:<28} from: {}\n", key, value, origin);
}

void print_classes(const explain::Network& network, const explain::Inspection& found) {
    fmt::print("\nClasses\n  {} {} in {}", found.classes, found.classes == 1 ? "score" : "scores",
               text::quote(network.head.output));
    if (network.head.activation != model::Activation::none)
        fmt::print(", after {} of {}", model::name(network.head.activation), text::quote(network.head.logits));
    fmt::print("\n");
    if (network.labels.empty()) {
        fmt::print("  no labels (locus annotate writes them into the model)\n");
    } else {
        constexpr std::size_t shown = 2;
        std::vector<std::string> first;
        for (std::size_t i = 0; i < std::min(shown, network.labels.size()); ++i)
            first.push_back(text::quote(network.labels[i]));
        fmt::print("  {} labels: {}{}\n", network.labels.size(), fmt::join(first, ", "),
                   network.labels.size() > shown ? ", ..." : "");
    }
}

void print_head(const model::ClassifierHead& head, const explain::Inspection& found) {
    fmt::print("\nHead\n  {}", model::name(head.kind));
    if (head.kind != model::HeadKind::other) fmt::print(" ({} pooling)", model::name(head.pool));
    fmt::print("\n");
    if (!head.reason.empty()) fmt::print("  plain CAM is not defined: {}\n", head.reason);
    const double share = found.parameters > 0 ? 100.0 * static_cast<double>(found.head_parameters) /
                                                    static_cast<double>(found.parameters)
                                              : 0;
    fmt::print("  {} of the {} parameters ({:.1f} %) lie behind the target layer\n", amount(found.head_parameters),
               amount(found.parameters), share);
    if (found.fully_connected_parameters > 0 && found.head_parameters > 0) {
        fmt::print("  a fully connected layer on the same map would have {}: {:.0f} times as many\n",
                   amount(found.fully_connected_parameters),
                   static_cast<double>(found.fully_connected_parameters) / static_cast<double>(found.head_parameters));
    }
    fmt::print("  {} multiply-adds an image\n", amount(found.multiply_adds));
}

void print_layers(const explain::Inspection& found) {
    fmt::print("\nLayers (--layer); a position sees a field of so many pixels, positions are a stride apart\n");
    for (const explain::LayerCandidate& candidate : found.candidates) {
        fmt::print("  {} {:<22} field {:>7}  stride {:>4}  {}\n", candidate.tensor == found.target_layer ? "*" : " ",
                   written(candidate.shape), pixels(candidate.receptive_field), pixels(candidate.stride),
                   text::printable(candidate.tensor));
    }
    fmt::print("  * the target layer chosen\n");
}

void print_methods(const explain::Inspection& found) {
    fmt::print("\nMethods (--method; auto is {})\n", found.automatic_method);
    for (const explain::MethodVerdict& verdict : found.methods) {
        fmt::print("  {} {:<20} {}\n", verdict.obstacle.empty() ? "+" : "-", verdict.method,
                   verdict.obstacle.empty() ? "" : "not here: " + verdict.obstacle);
    }
}

void print(const explain::Network& network, const explain::Inspection& found) {
    print_file(network, found);
    print_classes(network, found);
    print_head(network.head, found);
    print_layers(found);
    print_methods(found);
    for (const std::string& warning : found.warnings) fmt::print("\nWarning: {}\n", warning);
}

nlohmann::ordered_json to_json(const explain::Network& network, const explain::Inspection& found) {
    using Json = nlohmann::ordered_json;
    const model::ClassifierHead& head = network.head;
    const auto finite = [](double value) { return std::isfinite(value) && value != 0 ? Json(value) : Json(nullptr); };
    const auto text_or_null = [](const std::string& text) {
        return text.empty() ? Json(nullptr) : Json(text::to_utf8(text));
    };
    Json json;
    json["model"] = {{"file", text::to_utf8(network.file.string())},
                     {"opset", network.model.opset()},
                     {"producer", text::to_utf8(network.model.producer_name)}};
    json["input"] = {{"name", text::to_utf8(network.input)},
                     {"type", locus::name(network.input_type)},
                     {"shape", found.input_shape}};
    json["preprocessing"] = Json::parse(report::preprocessing_json(network.preprocessing, network.origins));
    Json labels = Json::array();
    for (const std::string& label : network.labels) labels.push_back(text::to_utf8(label));
    json["classes"] = {{"count", found.classes}, {"labels", std::move(labels)}};
    json["head"] = {{"kind", model::name(head.kind)},
                    {"pool", model::name(head.pool)},
                    {"activation", model::name(head.activation)},
                    {"output", text::to_utf8(head.output)},
                    {"logits", text::to_utf8(head.logits)},
                    {"obstacle", text_or_null(head.reason)},
                    {"parameters", found.head_parameters},
                    {"fully_connected_parameters", found.fully_connected_parameters}};
    json["parameters"] = found.parameters;
    json["multiply_adds"] = found.multiply_adds;
    json["target_layer"] = text_or_null(found.target_layer);
    json["layers"] = Json::array();
    for (const explain::LayerCandidate& candidate : found.candidates) {
        json["layers"].push_back({{"tensor", text::to_utf8(candidate.tensor)},
                                  {"shape", candidate.shape},
                                  {"receptive_field", finite(candidate.receptive_field)},
                                  {"stride", finite(candidate.stride)}});
    }
    json["automatic_method"] = found.automatic_method;
    for (const explain::MethodVerdict& verdict : found.methods) {
        json["methods"].push_back({{"name", verdict.method},
                                   {"applies", verdict.obstacle.empty()},
                                   {"obstacle", text_or_null(verdict.obstacle)}});
    }
    json["warnings"] = Json::array();
    for (const std::string& warning : found.warnings) json["warnings"].push_back(text::to_utf8(warning));
    return json;
}

void inspect(const InspectArguments& arguments) {
    const auto file = arguments.model.empty() ? default_model() : std::filesystem::path(arguments.model);
    explain::Network network = explain::load_network(file, {.input = arguments.input,
                                                            .output = arguments.output,
                                                            .feeds = read_feeds(arguments.feeds),
                                                            .bind_inputs = false,
                                                            .preprocessing = arguments.preprocessing.change()});
    const std::vector<std::string> labels = arguments.preprocessing.read_labels();
    if (!labels.empty()) {
        network.labels = labels;
        network.origins["labels"] = "given";
    }
    const explain::Inspection found = explain::inspect(network);
    if (!labels.empty() && found.classes > 0) explain::require_one_a_class(labels, found.classes);
    if (arguments.json) {
        fmt::print("{}\n", to_json(network, found).dump(2));
    } else {
        print(network, found);
    }
}

}  // namespace

void add_inspect(CLI::App& app) {
    auto arguments = std::make_shared<InspectArguments>();
    CLI::App& command = *app.add_subcommand(
        "inspect", "Tell what a model is: input, preprocessing, classes, head, layers, costs, methods that apply");
    command.footer(
        "Each value of the preprocessing comes with where it was found. Options of preprocessing show what an override "
        "would do.\n\n"
        "Examples:\n  locus inspect resnet50.onnx\n  locus inspect resnet50.onnx --json | jq .target_layer");
    add_model_option(command, "MODEL", arguments->model);
    add_image_input(command, arguments->input);
    add_score_output(command, arguments->output);
    add_feeds(command, arguments->feeds);
    command.add_flag("--json", arguments->json, "For machines");
    arguments->preprocessing.add_to(command);
    command.callback([arguments] { inspect(*arguments); });
}

}  // namespace locus::command
