// Whole networks against the gradients that two Python libraries used: their raw maps are short formulas of the
// activations A and the gradient g = d logit / d A, worked out here in double from the g that the differentiated graph
// gives.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "model/derivative.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/opset.hpp"
#include "runtime/observe_shapes.hpp"
#include "runtime/session.hpp"
#include "support/npz.hpp"

namespace locus {
namespace {

const std::filesystem::path goldens = std::filesystem::path(LOCUS_SHARED) / "goldens";

struct Layer {
    Tensor activations;  // [N, K, h, w], or [N, tokens, K] of a transformer
    Tensor gradient;
    Tensor second;  // H A
};

Layer explain(model::Model model, const std::string& layer, const Tensor& input, const Tensor& classes) {
    model::raise_opset(model);
    Shape shape = input.shape();
    shape[0] = -1;
    auto shapes = runtime::known_shapes(model, {{"input", shape}});
    model::ValueInfo chosen;
    chosen.name = "classes";
    chosen.type = DataType::int64;
    chosen.shape = std::vector<model::Dimension>{{std::nullopt, "n"}};
    model.graph.inputs.push_back(chosen);
    const auto first = model::differentiate(model, shapes, {model::Seed::one_hot("logits", "classes")}, {layer});
    const auto second = model::differentiate(model, shapes, {model::Seed::with(first.at(layer), layer)}, {layer},
                                             {.prefix = "second", .zeros_where_independent = true});
    for (const auto& name : {layer, first.at(layer), second.at(layer)})
        model.graph.outputs.push_back({name, DataType::float32, {}, {}, {}});
    const runtime::Session session(model, {.threads = 1});
    auto out = session.run({{"input", input}, {"classes", classes}}, {layer, first.at(layer), second.at(layer)});
    return {out[0], out[1], out[2]};
}

/// Calls `at(n, k, position, a, g, ha)` for every element; tokens (without the class token) count as positions.
struct Grid {
    std::int64_t items, channels, positions;
    std::function<std::int64_t(std::int64_t, std::int64_t, std::int64_t)> offset;
};

Grid grid_of(const Layer& layer, std::int64_t map_positions) {
    const Shape& shape = layer.activations.shape();
    if (shape.size() == 4) {
        const auto positions = shape[2] * shape[3], channels = shape[1];
        return {shape[0], channels, positions,
                [=](auto n, auto k, auto p) { return (n * channels + k) * positions + p; }};
    }
    const auto tokens = shape[1], channels = shape[2], skipped = tokens - map_positions;
    return {shape[0], channels, map_positions,
            [=](auto n, auto k, auto p) { return (n * tokens + skipped + p) * channels + k; }};
}

using Formula =
    std::function<void(const Grid&, const float* a, const float* g, const float* ha, std::vector<double>& map)>;

std::vector<double> pooled(const Grid& grid, const float* values, const std::function<double(double)>& f) {
    std::vector<double> sums(grid.items * grid.channels, 0);
    for (std::int64_t n = 0; n < grid.items; ++n)
        for (std::int64_t k = 0; k < grid.channels; ++k)
            for (std::int64_t p = 0; p < grid.positions; ++p)
                sums[n * grid.channels + k] += f(values[grid.offset(n, k, p)]);
    return sums;
}

void weigh(const Grid& grid, const std::vector<double>& weights, const float* a, std::vector<double>& map) {
    for (std::int64_t n = 0; n < grid.items; ++n)
        for (std::int64_t k = 0; k < grid.channels; ++k)
            for (std::int64_t p = 0; p < grid.positions; ++p)
                map[n * grid.positions + p] += weights[n * grid.channels + k] * a[grid.offset(n, k, p)];
}

void positionwise(const Grid& grid, const float* a, const float* g, std::vector<double>& map,
                  const std::function<double(double, double)>& f) {
    for (std::int64_t n = 0; n < grid.items; ++n)
        for (std::int64_t k = 0; k < grid.channels; ++k)
            for (std::int64_t p = 0; p < grid.positions; ++p) {
                const auto at = grid.offset(n, k, p);
                map[n * grid.positions + p] += f(g[at], a[at]);
            }
}

const std::map<std::string, Formula> formulas{
    {"GradCAM",
     [](const Grid& grid, const float* a, const float* g, const float*, std::vector<double>& map) {
         auto weights = pooled(grid, g, [](double x) { return x; });
         for (double& weight : weights) weight /= static_cast<double>(grid.positions);
         weigh(grid, weights, a, map);
     }},
    {"HiResCAM",
     [](const Grid& grid, const float* a, const float* g, const float*, std::vector<double>& map) {
         positionwise(grid, a, g, map, [](double x, double y) { return x * y; });
     }},
    {"LayerCAM",
     [](const Grid& grid, const float* a, const float* g, const float*, std::vector<double>& map) {
         positionwise(grid, a, g, map, [](double x, double y) { return std::max(x, 0.0) * y; });
     }},
    {"ShapleyCAM",
     [](const Grid& grid, const float* a, const float* g, const float* ha, std::vector<double>& map) {
         auto weights = pooled(grid, g, [](double x) { return x; });
         const auto second = pooled(grid, ha, [](double x) { return x; });
         for (std::size_t i = 0; i < weights.size(); ++i)
             weights[i] = (weights[i] - 0.5 * second[i]) / static_cast<double>(grid.positions);
         weigh(grid, weights, a, map);
     }},
};

class DerivativeGoldens : public testing::TestWithParam<std::string> {};

/// 1e-3 of the map's largest absolute value, as the issue asks; the goldens were made in float64.
TEST_P(DerivativeGoldens, MapsAgree) {
    if (!std::filesystem::exists(goldens)) GTEST_SKIP() << "the golden maps are not there";
    const auto golden = test::read_npz(goldens / (GetParam() + ".npz"));
    const auto network = model::load(goldens / (GetParam() + ".onnx"));
    int compared = 0;
    for (const std::string layer : {"target", "target_mid"}) {
        if (!golden.contains("pgc.GradCAM." + layer + ".raw")) continue;
        const auto explained =
            explain(network, layer, golden.at("input").to_float32(), golden.at("classes").to(DataType::int64));
        for (const auto& [method, formula] : formulas) {
            const auto found = golden.find("pgc." + method + "." + layer + ".raw");
            if (found == golden.end()) continue;
            const Tensor expected = found->second.to(DataType::float64);
            const auto values = expected.values<double>();
            const auto grid = grid_of(explained, expected.size() / expected.shape()[0]);
            std::vector<double> map(values.size(), 0);
            formula(grid, explained.activations.values<float>().data(), explained.gradient.values<float>().data(),
                    explained.second.values<float>().data(), map);
            double largest = 0, worst = 0;
            for (std::size_t i = 0; i < map.size(); ++i) {
                largest = std::max(largest, std::abs(values[i]));
                worst = std::max(worst, std::abs(values[i] - map[i]));
            }
            EXPECT_LE(worst, 1e-3 * largest) << method << " at " << layer;
            ++compared;
        }
    }
    EXPECT_GE(compared, 3);
}

INSTANTIATE_TEST_SUITE_P(Networks, DerivativeGoldens,
                         testing::Values("densenet", "googlenet_gap", "googlenet_gmp", "mobilenet_v2", "resnet_basic",
                                         "resnet_silu", "vgg_fc", "vit"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace locus
