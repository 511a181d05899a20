/// What each method costs over the bare forward pass of the same network, batch 1, in one run.
///
///     method_bench [--method NAME]... [NETWORK...]
///
/// NETWORK is one of the builder's, default mobilenet-v2, googlenet-gap, resnet50 and vgg16; NAME a row of the table: a
/// method, grad-cam-middle or set-up. Score-cam is measured on mobilenet-v2 alone unless it is asked for by name.
///
/// Limits (issue "every method"): gradient methods and eigen-cam at the last layer 1.10, gradient at a middle layer
/// 2.5, saliency 4 (mobilenet-v2: 5), ablation-cam and recipro-cam 1.5, score-cam 1.05 times channels + 1 passes of the
/// same batch size.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "interleaved.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace {

using namespace locus;
using Wanted = std::function<bool(std::string_view)>;

runtime::Session bare_session(const explain::Network& network) {
    model::Model bare = network.model;
    bare.graph.outputs = {{.name = network.head.output, .type = DataType::float32}};
    model::remove_unused(bare.graph);
    return runtime::Session(bare, network.session);
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

struct Row {
    const char* name;  // of the row: a method of this name, or the one beside it
    const char* method;
    bool middle = false;
    double limit = 0;
};

const std::vector<Row> rows{
    {"grad-cam", "grad-cam", false, 1.10},        {"grad-cam++", "grad-cam++", false, 1.10},
    {"layer-cam", "layer-cam", false, 1.10},      {"hires-cam", "hires-cam", false, 1.10},
    {"xgrad-cam", "xgrad-cam", false, 1.10},      {"eigen-cam", "eigen-cam", false, 1.10},
    {"grad-cam-middle", "grad-cam", true, 2.5},   {"saliency", "saliency", false, 4},
    {"ablation-cam", "ablation-cam", false, 1.5}, {"recipro-cam", "recipro-cam", false, 1.5},
};

void print(const std::string& network, const char* row, const bench::Interleaved& timing, double limit) {
    fmt::print("{:<16} {:<16} {:>9.2f} {:>9.2f} {:>7.3f} {:>7.3f} {:>7.3f} {:>6.2f} {:>6}\n", network, row,
               timing.median[0] * 1e3, timing.median[1] * 1e3, timing.ratio[1], timing.core_ratio[1],
               timing.least_ratio[1], limit, timing.rounds);
    std::fflush(stdout);
}

void measure(const std::string& name, const std::filesystem::path& file, const Wanted& wanted) {
    const explain::Network network = explain::load_network(file, {.threads = 2});
    const auto bare = bare_session(network);
    const Tensor input = explain::random_input(network, 1, 1);
    for (const Row& row : rows) {
        if (!wanted(row.name)) continue;
        const auto prepared =
            explain::find_method(row.method).prepare(network, {.layer = row.middle ? middle_layer(network) : ""});
        const auto timing = bench::interleave({[&] {
                                                   bare.run({{network.input, input}}, {network.head.output});
                                               },
                                               [&] { prepared.explain(input, {.top_k = 1}); }},
                                              std::chrono::seconds(3));
        const bool light = name == "mobilenet-v2" && std::string_view(row.name) == "saliency";
        print(name, row.name, timing, light ? 5 : row.limit);
    }
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
    print(name, "score-cam", timing, 1.05);
}

void set_up(const std::string& name, const std::filesystem::path& file) {
    const auto bare = [&] { bare_session(explain::load_network(file, {.threads = 2})); };
    const auto method = [&] {
        explain::find_method("grad-cam").prepare(explain::load_network(file, {.threads = 2}), {});
    };
    const auto timing = bench::interleave({bare, method}, std::chrono::seconds(2));
    fmt::print("{:<16} {:<16} {:>9.0f} {:>9.0f} {:>7.3f}\n", name, "set-up", timing.median[0] * 1e3,
               timing.median[1] * 1e3, timing.ratio[1]);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> names, methods;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--method" && i + 1 < argc)
            methods.emplace_back(argv[++i]);
        else
            names.emplace_back(argv[i]);
    }
    if (names.empty()) names = {"mobilenet-v2", "googlenet-gap", "resnet50", "vgg16"};
    const Wanted wanted = [&](std::string_view row) {
        return methods.empty() || std::find(methods.begin(), methods.end(), row) != methods.end();
    };
    const auto folder = std::filesystem::temp_directory_path() / fmt::format("locus-method-bench-{}", getpid());
    std::filesystem::create_directories(folder);
    fmt::print(
        "milliseconds, medians of paired rounds; ratios of wall, of processor and of least wall time to the bare "
        "pass\n");
    fmt::print("{:<16} {:<16} {:>9} {:>9} {:>7} {:>7} {:>7} {:>6} {:>6}\n", "network", "method", "bare", "method",
               "ratio", "cores'", "least", "limit", "rounds");
    for (const std::string& name : names) {
        const auto file = folder / (name + ".onnx");
        model::save(model::build({.name = name}), file);
        measure(name, file, wanted);
        if (wanted("score-cam") && (name == "mobilenet-v2" || !methods.empty())) score_cam(name, file);
        if (wanted("set-up")) set_up(name, file);
        std::filesystem::remove(file);
    }
    std::filesystem::remove_all(folder);
    return 0;
}
