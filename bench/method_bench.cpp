/// What each method costs over the bare forward pass of the same network, batch 1, in one run.
///
///     method_bench [NETWORK...]        (of the builder; default: mobilenet-v2 googlenet-gap resnet50 vgg16)
///
/// Limits (issue "every method"): gradient methods and eigen-cam at the last layer 1.10, gradient at a middle layer 2.5, saliency 4 (mobilenet-v2: 5),
/// ablation-cam and recipro-cam 1.5, score-cam 1.05 times channels + 1 passes of the same batch size.

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "interleaved.hpp"
#include "model/builder.hpp"
#include "model/onnx_file.hpp"

namespace {

using namespace locus;

runtime::Session bare_session(const explain::Network& network) {
    model::Model bare = network.model;
    bare.graph.outputs = {{.name = network.head.output, .type = DataType::float32}};
    model::remove_unused(bare.graph);
    return runtime::Session(model::serialize(bare), network.session);
}

/// The last layer with about four times the target layer's rows.
std::string middle_layer(const explain::Network& network) {
    const auto shapes = explain::network_shapes(network, network.model);
    const auto last = explain::find_target_layer(network, shapes, "");
    std::string found = last.tensor;
    for (const auto& node : network.model.graph.nodes) {
        const std::string& tensor = node.output(0);
        if (!shapes.contains(tensor) || shapes.rank(tensor) != 4) continue;
        const Shape shape = shapes.shape(tensor);
        if (shape[2] >= 2 * last.height && shape[2] <= 4 * last.height && (node.is("Relu") || node.is("Clip")))
            found = tensor;
    }
    return found;
}

void measure(const std::string& name, const std::filesystem::path& file) {
    const explain::Network network = explain::load_network(file, {.threads = 2});
    const auto bare = bare_session(network);
    const Tensor input = explain::random_input(network, 1, 1);
    const auto row = [&](const char* method, const std::string& layer) {
        const auto prepared = explain::find_method(method).prepare(network, {.layer = layer});
        const auto timing = bench::interleave({[&] {
                                                   bare.run({{network.input, input}}, {network.head.output});
                                               },
                                               [&] { prepared.explain(input, {.top_k = 1}); }},
                                              std::chrono::seconds(2));
        fmt::print("{:<16} {:<16} {:<10} {:>9.2f} {:>9.2f} {:>7.2f}\n", name, method, layer.empty() ? "last" : "middle",
                   timing.median[0] * 1e3, timing.median[1] * 1e3, timing.ratio[1]);
        std::fflush(stdout);
    };
    for (const char* method : {"grad-cam", "grad-cam++", "layer-cam", "hires-cam", "xgrad-cam", "eigen-cam"})
        row(method, "");
    const std::string middle = middle_layer(network);
    row("grad-cam", middle);
    row("saliency", "");
    row("ablation-cam", "");
    row("recipro-cam", "");
}

void score_cam(const std::string& name, const std::filesystem::path& file) {
    const explain::Network network = explain::load_network(file, {.threads = 2});
    const auto bare = bare_session(network);
    const auto layer = explain::find_target_layer(network, explain::network_shapes(network, network.model), "");
    const auto prepared = explain::find_method("score-cam").prepare(network, {});
    const Tensor one = explain::random_input(network, 1, 1), batch = explain::random_input(network, 16, 1);
    const std::int64_t passes = (layer.channels + 15) / 16;
    const auto timing = bench::interleave({[&] {
                                               bare.run({{network.input, one}}, {network.head.output});
                                               for (std::int64_t i = 0; i < passes; ++i)
                                                   bare.run({{network.input, batch}}, {network.head.output});
                                           },
                                           [&] { prepared.explain(one, {.top_k = 1}); }},
                                          std::chrono::seconds(1));
    fmt::print("{:<16} {:<16} {:<10} {:>9.2f} {:>9.2f} {:>7.3f}\n", name, "score-cam", "last", timing.median[0] * 1e3,
               timing.median[1] * 1e3, timing.ratio[1]);
}

void set_up(const std::string& name, const std::filesystem::path& file) {
    const auto bare = [&] { bare_session(explain::load_network(file, {.threads = 2})); };
    const auto method = [&] {
        explain::find_method("grad-cam").prepare(explain::load_network(file, {.threads = 2}), {});
    };
    const auto timing = bench::interleave({bare, method}, std::chrono::seconds(2));
    fmt::print("{:<16} {:<27} {:>9.0f} {:>9.0f} {:>7.2f}\n", name, "set-up of grad-cam", timing.median[0] * 1e3,
               timing.median[1] * 1e3, timing.ratio[1]);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names(argv + 1, argv + argc);
    if (names.empty()) names = {"mobilenet-v2", "googlenet-gap", "resnet50", "vgg16"};
    const auto folder = std::filesystem::temp_directory_path() / "locus-method-bench";
    std::filesystem::create_directories(folder);
    fmt::print("milliseconds, medians of paired rounds; ratio is the method's time over the bare pass's\n");
    fmt::print("{:<16} {:<16} {:<10} {:>9} {:>9} {:>7}\n", "network", "method", "layer", "bare", "method", "ratio");
    for (const std::string& name : names) {
        const auto file = folder / (name + ".onnx");
        model::save(model::build({.name = name}), file);
        measure(name, file);
        if (name == "mobilenet-v2") score_cam(name, file);
        set_up(name, file);
        std::filesystem::remove(file);
    }
    std::filesystem::remove_all(folder);
    return 0;
}
