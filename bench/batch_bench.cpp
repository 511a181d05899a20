/// A folder of photos through `locus explain` against the bare parts of the job: how much of the machine goes into anything but decoding,
/// the network and encoding.
///
///     batch_bench [MODEL.onnx [PHOTOS [IMAGES = 1000]]]
///
/// Without a model: the builder's mobilenet-v2; without photos: those in third_party/photos.
///
/// Four jobs on the same photos with as many threads as cores, one image at a time each: the bare network passes; those with reading, decoding and encoding;
/// the whole job with overlays, boxes and report; the whole job without pictures.

#include <malloc.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include <fmt/core.h>

#include "batch/run.hpp"
#include "explain/network.hpp"
#include "image/decode.hpp"
#include "image/encode.hpp"
#include "image/preprocess.hpp"
#include "interleaved.hpp"
#include "model/builder.hpp"
#include "model/onnx_file.hpp"

namespace {

using namespace locus;
namespace fs = std::filesystem;

/// Calls `work` for 0 ... count - 1 on one thread a core; images a second.
double rate(std::size_t count, const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> pool;
        for (unsigned i = 0; i < std::thread::hardware_concurrency(); ++i) {
            pool.emplace_back([&] {
                for (std::size_t index; (index = next++) < count;) work(index);
            });
        }
    }
    return static_cast<double>(count) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Resident memory of this process now, in MiB.
double resident() {
    std::ifstream statm("/proc/self/statm");
    double pages = 0;
    statm >> pages >> pages;
    return pages * 4096.0 / 1048576.0;
}

}  // namespace

int main(int argc, char** argv) {
    // As the command does.
    mallopt(M_MMAP_THRESHOLD, 16 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
    const fs::path scratch = fs::temp_directory_path() / "locus-batch-bench";
    fs::remove_all(scratch);
    fs::create_directories(scratch);
    fs::path model_file = scratch / "mobilenet-v2.onnx";
    if (argc > 1) {
        model_file = argv[1];
    } else {
        model::save(model::build({.name = "mobilenet-v2"}), model_file);
    }
    const std::size_t count = argc > 3 ? std::stoul(argv[3]) : 1000;
    const auto photos = batch::list_inputs({argc > 2 ? argv[2] : "third_party/photos"}, std::cin);
    if (!photos.front().error.empty()) {
        fmt::print(stderr, "batch_bench: {}: {}\n", photos.front().name, photos.front().error);
        return 1;
    }
    std::vector<batch::InputItem> items;
    for (std::size_t i = 0; i < count; ++i) {
        items.push_back(photos[i % photos.size()]);
        items.back().stem = fmt::format("{}-{}", i, fs::path(items.back().stem).filename().string());
    }

    const explain::Network network = explain::load_network(model_file, {.threads = 1});
    const runtime::Session bare(network.model, network.session);
    const Tensor input = explain::random_input(network, 1, 1);
    const auto pass = [&] { bare.run({{network.input, input}}, {network.head.output}); };

    double after_hundred = 0, after_all = 0;
    int runs = 0;
    const auto job = [&](bool pictures) {
        batch::RunOptions options;
        options.model = model_file;
        options.save.overlay = options.save.report = pictures;
        options.save.map = false;
        // Each run has a folder of its own: ext4 takes its time to give out again what was deleted just before.
        options.out = scratch / fmt::format("out-{}", ++runs);
        std::atomic<bool> stop{false};
        batch::RunObserver observer;
        std::size_t seen = 0;
        observer.image = [&](const std::string&) {
            ++seen;
            if (seen == 100) after_hundred = resident();
            if (seen == count) after_all = resident();
        };
        const auto start = std::chrono::steady_clock::now();
        batch::run(options, items, observer, stop);
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        return static_cast<double>(count) / seconds;
    };

    const std::vector<std::pair<const char*, std::function<double()>>> jobs{
        {"bare network passes", [&] { return rate(count, [&](std::size_t) { pass(); }); }},
        {"decode, network, encode: the bare parts",
         [&] {
             return rate(count, [&](std::size_t i) {
                 const Image photo = image::decode(items[i].file).image;
                 pass();
                 image::encode_jpeg(photo, 90);
             });
         }},
        {"decode and network, no pictures",
         [&] {
             return rate(count, [&](std::size_t i) {
                 image::decode(items[i].file, {.reduce_to = image::needed_side(network.preprocessing)});
                 pass();
             });
         }},
        {"locus explain: overlays, boxes, report", [&] { return job(true); }},
        {"locus explain: boxes, no pictures", [&] { return job(false); }},
    };
    pass();
    constexpr int rounds = 3;
    std::vector<std::vector<double>> rates(jobs.size());
    for (int round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < jobs.size(); ++i) rates[i].push_back(jobs[i].second());
    }
    fmt::print("{} images, {}, {} threads; images a second, median of {} rounds\n", count,
               model_file.filename().string(), std::thread::hardware_concurrency(), rounds);
    const double network_rate = bench::median(rates[0]);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        fmt::print("{:<42} {:>8.1f}  {:>5.1f} % of the bare network\n", jobs[i].first, bench::median(rates[i]),
                   100 * bench::median(rates[i]) / network_rate);
    }
    fmt::print("overlays, boxes and report run at {:.1f} % of what the bare parts allow\n",
               100 * bench::median(rates[3]) / bench::median(rates[1]));
    fmt::print("resident memory after 100 images {:.0f} MiB, after {} {:.0f} MiB\n", after_hundred, count, after_all);
    fs::remove_all(scratch);
    return 0;
}
