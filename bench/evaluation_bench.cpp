/// What `locus evaluate` costs over the bare passes of the network: cam and MaxBoxAccV2 over the images of a data set
/// with boxes, tables, intervals and report included, against nothing but the network on inputs that lie ready, with
/// the same threads.
///
///     evaluation_bench MODEL.onnx DATA BOXES.csv CLASSES.csv [IMAGES]        (default 1000 images, drawn by the seed)
///     evaluation_bench                                the builder's mobilenet-v2 on 200 pictures of 64 x 64, all made here

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "evaluate/evaluation.hpp"
#include "explain/network.hpp"
#include "interleaved.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace {

using namespace locus;

constexpr std::size_t batch = 16;
constexpr int rounds = 3;

double processor_seconds() {
    std::timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

struct Cost {
    double wall = 0, processor = 0;  ///< seconds
};

Cost cost_of(const std::function<void()>& work) {
    const double processor = processor_seconds();
    const auto start = std::chrono::steady_clock::now();
    work();
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(),
            processor_seconds() - processor};
}

/// The images in full batches, by as many threads. (The evaluation makes more passes, and smaller ones: one explains
/// images of one class.)
void bare_passes(const runtime::Session& session, const explain::Network& network, const Tensor& input,
                 std::size_t images, int threads) {
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> pool;
    for (int t = 0; t < threads; ++t) {
        pool.emplace_back([&] {
            while (next++ < (images + batch - 1) / batch) session.run({{network.input, input}}, {network.head.output});
        });
    }
}

/// A network and a data set of noise, where none are given.
void make_data(const std::filesystem::path& folder, evaluate::EvaluationOptions& options) {
    std::mt19937 random(1);
    std::filesystem::create_directories(folder / "data/a");
    std::filesystem::create_directories(folder / "data/b");
    std::ofstream boxes(folder / "boxes.csv");
    boxes << "path,x0,y0,x1,y1\n";
    for (int i = 0; i < 200; ++i) {
        Image picture{.width = 64, .height = 64, .rgb = std::vector<std::uint8_t>(64 * 64 * 3)};
        for (auto& value : picture.rgb) value = static_cast<std::uint8_t>(random());
        const std::string name = fmt::format("{}/{}.jpg", i % 2 == 0 ? "a" : "b", i);
        const auto bytes = encode_jpeg(picture, 80);
        std::ofstream(folder / "data" / name, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        boxes << name << ",10,10,50,50\n";
    }
    model::save(model::build({.name = "mobilenet-v2", .classes = 2}), folder / "model.onnx");
    options.models = {folder / "model.onnx"};
    options.data = {folder / "data"};
    options.boxes = folder / "boxes.csv";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && argc < 5) {
        fmt::print(stderr, "usage: evaluation_bench MODEL.onnx DATA BOXES.csv CLASSES.csv [IMAGES]\n");
        return 2;
    }
    const int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const auto out = std::filesystem::temp_directory_path() / "locus-evaluation-bench";
    evaluate::EvaluationOptions options;
    options.methods = {"cam"};
    if (argc == 1) {
        make_data(out, options);
    } else {
        options.models = {argv[1]};
        options.data = {argv[2]};
        options.boxes = argv[3];
        options.classes = argv[4];
    }
    options.metrics = {"maxboxaccv2"};
    options.subset = argc > 5 ? std::stoul(argv[5]) : 1000;
    options.batch = batch;
    options.threads = threads;
    options.out = out / "results";
    options.begin = evaluate::Begin::overwrite;

    const explain::Network network = explain::load_network(options.models[0], {.threads = 1});
    model::Model bare = network.model;
    bare.graph.outputs = {{.name = network.head.output, .type = DataType::float32}};
    model::remove_unused(bare.graph);
    const runtime::Session session(bare, network.session);
    const Tensor input = explain::random_input(network, batch, 1);

    std::int64_t images = 0;
    double accuracy = 0;
    std::vector<double> ratios;
    fmt::print("{}, {} threads; seconds, and core-milliseconds an image\n", options.models[0].filename().string(),
               threads);
    fmt::print("{:>14} {:>10} {:>14} {:>10} {:>8}\n", "bare passes", "", "evaluation", "", "ratio");
    for (int round = 0; round <= rounds; ++round) {  // the first warms up
        const Cost evaluation = cost_of([&] {
            const evaluate::Evaluation result = evaluate::evaluate(options, {});
            images = result.summary.images;
            accuracy = result.summary.rows.front().cells.at("maxboxaccv2").value;
        });
        const Cost passes =
            cost_of([&] { bare_passes(session, network, input, static_cast<std::size_t>(images), threads); });
        if (round == 0) continue;
        ratios.push_back(evaluation.wall / passes.wall);
        const auto an_image = [&](const Cost& cost) { return cost.processor * 1e3 / static_cast<double>(images); };
        fmt::print("{:>12.2f} s {:>7.2f} ms {:>12.2f} s {:>7.2f} ms {:>8.3f}\n", passes.wall, an_image(passes),
                   evaluation.wall, an_image(evaluation), ratios.back());
    }
    std::filesystem::remove_all(out);
    fmt::print("median ratio {:.3f} over {} images (MaxBoxAccV2 {:.1f} %)\n", bench::median(ratios), images, accuracy);
    return 0;
}
