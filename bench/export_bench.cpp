/// What an explained model costs over the model it was made of, in one run: a pass, and the set-up.
///
///     export_bench [MODEL.onnx...]        (default: the builder's mobilenet-v2 and resnet50, random weights)
///
/// Both sides run in the same ONNX Runtime with the same options, batch 1, one class explained, so that a pass is what
/// a client that is not ours pays too. Set-up: "session" is a session made of a file that was exported before; "export
/// and session" is all that stands between the model's file and the first pass: reading it, finding the head, adding
/// the nodes, opening the session.
///
/// Limit: set-up of a MobileNetV2 under 300 ms more.

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "explain/explained_model.hpp"
#include "explain/network.hpp"
#include "interleaved.hpp"
#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace {

using namespace locus;

explain::Network load(const std::filesystem::path& file) { return explain::load_network(file, {.threads = 2}); }

std::string bare_bytes(const explain::Network& network) {
    model::Model bare = network.model;
    bare.graph.outputs = {{.name = network.head.output, .type = DataType::float32}};
    model::remove_unused(bare.graph);
    return model::serialize(bare);
}

std::string explained_bytes(const explain::Network& network, const std::string& method) {
    return model::serialize(explain::explained_model(network, {.method = method}));
}

void pass(const std::string& name, const explain::Network& network, const std::string& method) {
    const runtime::Session bare(bare_bytes(network), network.session);
    const runtime::Session explained(explained_bytes(network, method), network.session);
    const Tensor input = explain::random_input(network, 1, 1);
    const auto timing = bench::interleave({[&] {
                                               bare.run({{network.input, input}}, {network.head.output});
                                           },
                                           [&] {
                                               explained.run({{network.input, input}}, {"logits", "classes", "maps"});
                                           }},
                                          std::chrono::seconds(2));
    fmt::print("{:<24} {:<14} {:<20} {:>9.2f} {:>9.2f} {:>7.2f}\n", name, method, "pass", timing.median[0] * 1e3,
               timing.median[1] * 1e3, timing.ratio[1]);
    std::fflush(stdout);
}

void set_up(const std::string& name, const std::filesystem::path& file, const std::string& method) {
    const explain::Network network = load(file);
    const std::string bare = bare_bytes(network), explained = explained_bytes(network, method);
    const auto row = [&](const char* what, const bench::Interleaved& timing) {
        fmt::print("{:<24} {:<14} {:<20} {:>9.1f} {:>9.1f} {:>+7.1f}\n", name, method, what, timing.median[0] * 1e3,
                   timing.median[1] * 1e3, (timing.median[1] - timing.median[0]) * 1e3);
        std::fflush(stdout);
    };
    row("session", bench::interleave({[&] { runtime::Session(bare, network.session); },
                                      [&] { runtime::Session(explained, network.session); }},
                                     std::chrono::seconds(2)));
    row("export and session", bench::interleave({[&] {
                                                     const auto fresh = load(file);
                                                     runtime::Session(bare_bytes(fresh), fresh.session);
                                                 },
                                                 [&] {
                                                     const auto fresh = load(file);
                                                     runtime::Session(explained_bytes(fresh, method), fresh.session);
                                                 }},
                                                std::chrono::seconds(2)));
}

void measure(const std::string& name, const std::filesystem::path& file) {
    const explain::Network network = load(file);
    for (const char* method : {"cam", "grad-cam", "layer-cam", "eigen-cam", "recipro-cam", "ablation-cam", "saliency"})
        pass(name, network, method);
    for (const char* method : {"cam", "grad-cam", "saliency"}) set_up(name, file, method);
}

}  // namespace

int main(int argc, char** argv) {
    fmt::print(
        "milliseconds, medians of paired rounds; last: explained over bare for a pass, explained less bare for "
        "set-up\n");
    fmt::print("{:<24} {:<14} {:<20} {:>9} {:>9} {:>7}\n", "network", "method", "what", "bare", "explained", "");
    try {
        for (int i = 1; i < argc; ++i) measure(std::filesystem::path(argv[i]).stem().string(), argv[i]);
        if (argc > 1) return 0;
        const auto folder = std::filesystem::temp_directory_path() / "locus-export-bench";
        std::filesystem::create_directories(folder);
        for (const char* name : {"mobilenet-v2", "resnet50"}) {
            const auto file = folder / (std::string(name) + ".onnx");
            model::save(model::build({.name = name}), file);
            measure(name, file);
        }
        std::filesystem::remove_all(folder);
    } catch (const Error& error) {
        fmt::print(stderr, "export_bench: error: {}\n", error.what());
        return 1;
    }
    return 0;
}
