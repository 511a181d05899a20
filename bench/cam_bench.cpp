/// What CAM costs over the bare pass of the same network: maps of the best class in the model's own pass, batch 1 and 16.
///
///     cam_bench MODEL.onnx...        (without models: the builder's mobilenet-v2, squeezenet-like nin and resnet50)

#include <cstdio>
#include <filesystem>
#include <iostream>

#include <fmt/core.h>

#include "explain/cam.hpp"
#include "explain/network.hpp"
#include "interleaved.hpp"
#include "model/builder.hpp"
#include "model/onnx_file.hpp"

namespace {

using namespace locus;

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

void load_to_first_map(const std::filesystem::path& file) {
    const auto load = [&] {
        const explain::Network network = explain::load_network(file, {.threads = 2});
        const explain::Prepared cam = explain::prepare_cam(network, {});
        cam.explain(explain::random_input(network, 1, 1), {.top_k = 1});
    };
    const auto timing = bench::interleave({load}, std::chrono::seconds(3));
    fmt::print("{:<32} {:>9.0f} ms\n", file.stem().string(), timing.median[0] * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::filesystem::path> files(argv + 1, argv + argc);
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
    fmt::print("\nFrom opening the file to the first map, verification included\n");
    for (const auto& file : files) load_to_first_map(file);
    std::filesystem::remove_all(folder);
    return 0;
}
