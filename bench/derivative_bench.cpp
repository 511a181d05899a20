// What a gradient costs beside the bare forward pass, and how long it takes to set up. Networks from the builder with
// random weights, one image; passes are interleaved and the fastest of each counts, so that a busy machine changes
// little.
//
//     derivative_bench [threads] [rounds] [networks...]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "model/derivative.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/opset.hpp"
#include "runtime/observe_shapes.hpp"
#include "runtime/session.hpp"

namespace {

using namespace locus;
using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point since) {
    return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

struct Variant {
    std::string name;
    std::vector<std::string> outputs;
    runtime::Session session;
    double setup = 0;
    double best = 1e9;
};

/// The Relu, Clip or Add outputs with positions, in order: layers people would ask for.
std::vector<std::string> layers(const model::Model& model, const model::Shapes& shapes) {
    std::vector<std::string> names;
    for (const auto& node : model.graph.nodes) {
        const auto& output = node.output(0);
        if ((node.is("Relu") || node.is("Clip") || node.is("Add") || node.is("Concat")) && shapes.rank(output) == 4)
            names.push_back(output);
    }
    return names;
}

Variant with_gradient(const model::Model& network, const std::string& name, const std::string& layer, int threads) {
    const auto start = Clock::now();
    model::Model model = network;
    model::raise_opset(model);
    auto shapes = runtime::known_shapes(model);
    model::ValueInfo classes;
    classes.name = "classes";
    classes.type = DataType::int64;
    classes.shape = std::vector<model::Dimension>{{std::nullopt, "n"}};
    model.graph.inputs.push_back(classes);
    const auto logits = model.graph.outputs.front().name;
    const auto gradient =
        model::differentiate(model, shapes, {model::Seed::one_hot(logits, "classes")}, {layer}).at(layer);
    std::vector<std::string> outputs{logits, gradient};
    if (model.graph.find_input(layer) == nullptr) outputs.push_back(layer);
    for (std::size_t i = 1; i < outputs.size(); ++i)
        model.graph.outputs.push_back({outputs[i], DataType::float32, {}, {}, {}});
    runtime::Session session(model, {.threads = threads});
    return {name, outputs, std::move(session), milliseconds(start)};
}

void measure(const std::string& name, int threads, int rounds) {
    const auto network = model::build({.name = name});
    const auto& input = network.graph.inputs.front();
    const auto shapes = model::infer_shapes(network);
    const auto all = layers(network, shapes);
    const auto start = Clock::now();
    const auto logits = network.graph.outputs.front().name;
    std::vector<Variant> variants;
    variants.push_back({"bare", {logits}, runtime::Session(network, {.threads = threads}), milliseconds(start)});
    variants.push_back(with_gradient(network, "last layer", all.back(), threads));
    variants.push_back(with_gradient(network, "middle layer", all[all.size() / 2], threads));
    variants.push_back(with_gradient(network, "input", input.name, threads));

    Shape shape = shapes.shape(input.name);
    shape[0] = 1;
    Tensor x(DataType::float32, shape);
    std::uint32_t state = 1;
    for (float& value : x.mutable_values<float>()) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<float>(state >> 8) / 8388608.0F - 1;
    }
    const Tensor classes = Tensor::of<std::int64_t>({1}, {7});
    for (int round = 0; round < rounds; ++round) {
        for (auto& variant : variants) {
            std::vector<runtime::Feed> feeds{{input.name, x}};
            if (variant.name != "bare") feeds.emplace_back("classes", classes);
            const auto began = Clock::now();
            variant.session.run(feeds, variant.outputs);
            variant.best = std::min(variant.best, milliseconds(began));
        }
    }
    for (const auto& variant : variants) {
        fmt::print("{:<14} {:<13} {:>9.2f} {:>7.2f} {:>9.0f}\n", name, variant.name, variant.best,
                   variant.best / variants.front().best, variant.setup);
    }
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 20;
    fmt::print("{:<14} {:<13} {:>9} {:>7} {:>9}\n", "network", "gradient at", "ms", "ratio", "set-up ms");
    std::vector<std::string> networks(argv + std::min(argc, 3), argv + argc);
    if (networks.empty()) networks = {"mobilenet-v2", "googlenet-gap", "resnet50", "vgg16"};
    for (const auto& name : networks) measure(name, threads, rounds);
}
