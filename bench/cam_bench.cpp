/// What CAM costs over the bare pass of the same network: maps of the best class in the model's own pass, batch 1 and
/// 16.
///
///     cam_bench MODEL.onnx...        (without models: the builder's mobilenet-v2, squeezenet-like nin and resnet50)

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "explain/methods/cam.hpp"
#include "explain/network.hpp"
#include "interleaved.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace {

using namespace locus;

/// Option with which the program prints how long its first map takes, and does nothing else.
constexpr const char* only_first_map = "--first-map";

void compare(const std::filesystem::path& file, std::int64_t batch) {
    const explain::Network network = explain::load_network(file, {.threads = 2});
    model::Model bare_model = network.model;
    bare_model.graph.outputs = {{.name = network.head.output, .type = DataType::float32}};
    model::remove_unused(bare_model.graph);
    const runtime::Session bare(bare_model, network.session);
    const explain::Prepared cam = explain::prepare_cam(network, {});
    const Tensor input = explain::random_input(network, batch, 1);
    const auto timing = bench::interleave({[&] {
                                               bare.run({{network.input, input}}, {network.head.output});
                                           },
                                           [&] { cam.explain(input, {.top_k = 1}); }},
                                          std::chrono::seconds(6));
    fmt::print("{:<32} {:>5}  {:>9.2f}  {:>9.2f}  {:>7.3f}  {:>7.3f}  {:>7.3f}  {:>6}\n", file.stem().string(), batch,
               timing.median[0] * 1e3 / static_cast<double>(batch), timing.median[1] * 1e3 / static_cast<double>(batch),
               timing.ratio[1], timing.core_ratio[1], timing.least_ratio[1], timing.rounds);
    std::fflush(stdout);
}

void load_and_explain(const std::filesystem::path& file) {
    const explain::Network network = explain::load_network(file, {.threads = 2});
    const explain::Prepared cam = explain::prepare_cam(network, {});
    cam.explain(explain::random_input(network, 1, 1), {.top_k = 1});
}

/// Milliseconds in a program that does nothing else: memory and the runtime are new to it.
double first_map_of_a_program(const std::filesystem::path& file) {
    const std::string command = fmt::format("'{}' {} '{}'", std::filesystem::read_symlink("/proc/self/exe").string(),
                                            only_first_map, file.string());
    std::FILE* program = popen(command.c_str(), "r");
    double milliseconds = 0;
    if (program == nullptr || std::fscanf(program, "%lf", &milliseconds) != 1 || pclose(program) != 0) {
        fmt::print(stderr, "{} does not run\n", command);
        std::exit(1);
    }
    return milliseconds;
}

void load_to_first_map(const std::filesystem::path& file) {
    constexpr int programs = 15;
    std::vector<double> cold;
    for (int i = 0; i < programs; ++i) cold.push_back(first_map_of_a_program(file));
    std::sort(cold.begin(), cold.end());
    const auto warm = bench::interleave({[&] { load_and_explain(file); }}, std::chrono::seconds(3));
    fmt::print("{:<32} {:>6.0f} {:>6.0f} ... {:<6.0f} {:>6.0f}\n", file.stem().string(), cold[programs / 2],
               cold.front(), cold.back(), warm.median[0] * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files(argv + 1, argv + argc);
    if (argc == 3 && files.front() == only_first_map) {
        const auto begin = std::chrono::steady_clock::now();
        load_and_explain(files.back());
        fmt::print("{}\n", std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
        return 0;
    }
    const auto folder = std::filesystem::temp_directory_path() / "locus-cam-bench";
    if (files.empty()) {
        std::filesystem::create_directories(folder);
        for (const char* name : {"mobilenet-v2", "nin", "resnet50"}) {
            files.push_back(folder / (std::string(name) + ".onnx"));
            model::save(model::build({.name = name}), files.back());
        }
    }
    fmt::print(
        "CAM of the best class against the bare pass; ms an image, median; the ratios, of wall and of "
        "processor time, are medians of paired rounds\n");
    fmt::print("{:<32} {:>5}  {:>9}  {:>9}  {:>7}  {:>7}  {:>7}  {:>6}\n", "model", "batch", "bare", "with cam",
               "ratio", "cores'", "least", "rounds");
    for (const auto& file : files) {
        for (const std::int64_t batch : {1, 16}) compare(file, batch);
    }
    fmt::print(
        "\nFrom opening the file to the first map, verification included; ms: in a program of its own (median, least "
        "and "
        "most of 15), and again and again in this one (median)\n");
    for (const auto& file : files) load_to_first_map(file);
    std::filesystem::remove_all(folder);
    return 0;
}
