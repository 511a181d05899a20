// Methods on other people's architectures, against LibTorch: the executor gives features A and gradients g = d logit /
// d A of the same graph in double precision, and the maps' formulas (docs/methods.md) are worked out from them.

#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>

#include <ATen/ops/linalg_eigh.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/types.h>

#include "explain/method.hpp"
#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/exported/networks.hpp"
#include "support/scratch_folder.hpp"
#include "train/executor.hpp"

namespace locus::train {
namespace {

/// As [n, K, positions], by what is known of the layer.
at::Tensor feature_map(const at::Tensor& x, const test::ExportedLayer& layer) {
    switch (layer.layout) {
        case model::FeatureLayout::channels_first:
            return x.flatten(2);
        case model::FeatureLayout::channels_last:
            return x.flatten(1, 2).transpose(1, 2);
        case model::FeatureLayout::tokens:
            return x.narrow(1, layer.leading_tokens, layer.side * layer.side).transpose(1, 2);
    }
    return {};
}

at::Tensor weighted(const at::Tensor& a, const at::Tensor& weights) { return (weights.unsqueeze(2) * a).sum(1); }

/// Features centred over positions, projected on their principal direction.
at::Tensor principal(const at::Tensor& a) {
    const at::Tensor x = (a - a.mean(2, true)).transpose(1, 2);  // [n, positions, K]
    const auto [values, vectors] = at::linalg_eigh(at::matmul(x.transpose(1, 2), x));
    return at::matmul(x, vectors.select(2, -1).unsqueeze(2)).squeeze(2);
}

using Formula = at::Tensor (*)(const at::Tensor& a, const at::Tensor& g);
const std::vector<std::pair<std::string, Formula>> formulas{
    {"grad-cam", [](const at::Tensor& a, const at::Tensor& g) { return weighted(a, g.mean(2)); }},
    {"grad-cam++",
     [](const at::Tensor& a, const at::Tensor& g) {
         const at::Tensor share = g * g / (2 * g * g + a.sum(2, true) * g * g * g + 1e-6);
         return weighted(a, (g.relu() * share).sum(2));
     }},
    {"xgrad-cam",
     [](const at::Tensor& a, const at::Tensor& g) { return weighted(a, (g * a).sum(2) / (a.sum(2) + 1e-7)); }},
    {"layer-cam", [](const at::Tensor& a, const at::Tensor& g) { return (g.relu() * a).sum(1); }},
    {"hires-cam", [](const at::Tensor& a, const at::Tensor& g) { return (g * a).sum(1); }},
    {"grad-cam-elementwise", [](const at::Tensor& a, const at::Tensor& g) { return (g * a).relu().sum(1); }},
    {"eigen-cam", [](const at::Tensor& a, const at::Tensor&) { return principal(a); }},
    {"eigengrad-cam", [](const at::Tensor& a, const at::Tensor& g) { return principal(g * a); }},
};

const std::vector<test::Export> exports{{.opset = 13, .style = test::Style::traced, .scatters = false},
                                        {.opset = 17, .style = test::Style::simplified, .scatters = false},
                                        {.opset = 17, .style = test::Style::traced, .scatters = false}};

class ExportedNetworks : public testing::TestWithParam<std::pair<std::string, int>> {};

TEST_P(ExportedNetworks, MapsAreTheirFormulasOfLibTorchsGradients) {
    const auto& [name, which] = GetParam();
    const auto& all = test::exported_networks();
    const auto make = std::find_if(all.begin(), all.end(), [&](const auto& entry) { return entry.first == name; });
    const test::ExportedNetwork exported = make->second(exports[static_cast<std::size_t>(which)]);

    const test::ScratchFolder folder;
    model::save(exported.model, folder.path() / "network.onnx");
    explain::Network network = explain::load_network(folder.path() / "network.onnx", {.threads = 1});
    ASSERT_EQ(network.preprocessing.width, test::exported_size);

    const Tensor input = explain::random_input(network, 2, 5);
    const std::int64_t chosen = 3;
    const Executor executor(exported.model, at::kDouble);
    const at::Tensor x = to_torch(input).to(at::kDouble).requires_grad_(true);
    for (const test::ExportedLayer& layer : exported.layers) {
        SCOPED_TRACE(layer.tensor);
        Pass pass;
        const Tensors out = executor.run({{"input", x}}, {layer.tensor, "logits"}, pass);
        const at::Tensor gradient = torch::autograd::grad({out[1].select(1, chosen).sum()}, {out[0]})[0];
        const at::Tensor a = feature_map(out[0].detach(), layer), g = feature_map(gradient, layer);
        ASSERT_GT(g.abs().max().item<double>(), 0);

        const auto found =
            explain::find_target_layer(network, explain::network_shapes(network, network.model), layer.tensor);
        EXPECT_EQ(found.layout, layer.layout);
        EXPECT_EQ(found.channels, layer.channels);
        EXPECT_EQ(found.height, layer.side);
        EXPECT_EQ(found.width, layer.side);
        EXPECT_EQ(found.leading_tokens, layer.leading_tokens);
        EXPECT_EQ(found.trailing_tokens, layer.trailing_tokens);

        for (const auto& [method, formula] : formulas) {
            const explain::Attribution result = explain::find_method(method)
                                                    .prepare(network, {.layer = layer.tensor})
                                                    .explain(input, {.top_k = 0, .indices = {chosen}});
            const at::Tensor ours = to_torch(result.maps).to(at::kDouble).reshape({2, -1});
            const at::Tensor expected = formula(a, g);
            ASSERT_EQ(ours.sizes(), expected.sizes()) << method;
            for (const std::int64_t item : {0, 1}) {
                const double scale = expected[item].abs().max().item<double>();
                double error = (ours[item] - expected[item]).abs().max().item<double>();
                if (method.starts_with("eigen"))  // up to sign
                    error = std::min(error, (ours[item] + expected[item]).abs().max().item<double>());
                EXPECT_LE(error, 1e-3 * scale) << method << ", item " << item;
            }
        }
    }
    if (!exported.chosen.empty()) {
        EXPECT_EQ(explain::find_target_layer(network, explain::network_shapes(network, network.model), "").tensor,
                  exported.chosen);
    }
}

std::vector<std::pair<std::string, int>> cases() {
    std::vector<std::pair<std::string, int>> result;
    for (const auto& [name, make] : test::exported_networks()) {
        for (int which = 0; which < static_cast<int>(exports.size()); ++which) result.emplace_back(name, which);
    }
    return result;
}

INSTANTIATE_TEST_SUITE_P(All, ExportedNetworks, testing::ValuesIn(cases()), [](const auto& tested) {
    const test::Export& options = exports[static_cast<std::size_t>(tested.param.second)];
    return tested.param.first + "_opset" + std::to_string(options.opset) +
           (options.style == test::Style::traced ? "_traced" : "_simplified");
});

}  // namespace
}  // namespace locus::train
