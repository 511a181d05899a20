#include "explain/methods/full_grad.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "explain/fusion.hpp"
#include "explain/node_method.hpp"

namespace locus::explain {

using model::Node;
using model::Value;

namespace {

/// beta - mean * gamma / sqrt(variance + epsilon), where all four are constants of as many channels.
std::optional<Tensor> normalization_bias(const model::Graph& graph, const Node& node) {
    std::array<Tensor, 4> values;
    for (std::size_t i = 0; i < 4; ++i) {
        const Tensor* constant = graph.find_constant(node.input(i + 1));
        if (constant == nullptr) return std::nullopt;
        values[i] = constant->to_float32();
        if (values[i].size() != values[0].size()) return std::nullopt;
    }
    Tensor bias(DataType::float32, values[1].shape());
    const auto target = bias.mutable_values<float>();
    const double epsilon = node.float_or("epsilon", 1e-5F);
    for (std::size_t k = 0; k < target.size(); ++k) {
        const double scale = values[0].values<float>()[k] / std::sqrt(values[3].values<float>()[k] + epsilon);
        target[k] = static_cast<float>(values[1].values<float>()[k] - values[2].values<float>()[k] * scale);
    }
    return bias;
}

/// The constant that an Add or Sub gives to each channel of what it makes, [1, K, 1, ...] or [K, 1, ...]: how exporters
/// write the bias of a convolution or normalisation apart. None where it is one number for all channels, which is part
/// of an activation, or differs between positions.
std::optional<Tensor> added_bias(const model::Graph& graph, const Node& node) {
    const std::size_t constant_at = graph.find_constant(node.input(1)) != nullptr ? 1 : 0;
    const Tensor* constant = graph.find_constant(node.input(constant_at));
    if (constant == nullptr) return std::nullopt;
    Shape shape = constant->shape();
    if (shape.size() == 4 && shape[0] == 1) shape.erase(shape.begin());
    if (shape.size() != 3 || shape[0] < 2 || shape[1] != 1 || shape[2] != 1) return std::nullopt;
    Tensor bias = constant->to_float32().reshaped({shape[0]});
    if (node.is("Sub") && constant_at == 1) {
        for (float& value : bias.mutable_values<float>()) value = -value;
    }
    return bias;
}

}  // namespace

std::vector<BiasedLayer> biased_layers(const model::Graph& graph, const std::string& input, const std::string& scores,
                                       bool linear) {
    const model::Index index(graph);
    const auto behind = index.descendants(input);
    const auto before = index.ancestors(scores);
    std::vector<BiasedLayer> layers;
    for (const Node& node : graph.nodes) {
        if (!behind.contains(node.output(0)) || !before.contains(node.output(0))) continue;
        if (node.is("Conv") || node.is("ConvTranspose") || (linear && node.is("Gemm"))) {
            const Tensor* bias = graph.find_constant(node.input(2));
            if (bias != nullptr) layers.push_back({node.output(0), bias->to_float32().reshaped({bias->size()})});
        } else if (node.is("BatchNormalization")) {
            if (auto bias = normalization_bias(graph, node)) layers.push_back({node.output(0), *bias});
        } else if (node.is("Add") || node.is("Sub")) {
            if (auto bias = added_bias(graph, node)) layers.push_back({node.output(0), *bias});
        }
    }
    return layers;
}

namespace {

/// |map| of every channel min-maxed over its positions, then added up: [n, h, w].
Tensor psi(const Tensor& channels, std::int64_t height, std::int64_t width) {
    const auto n = static_cast<std::size_t>(channels.shape()[0]), count = static_cast<std::size_t>(channels.shape()[1]);
    const auto positions = static_cast<std::size_t>(height * width);
    Tensor sums(DataType::float32, {channels.shape()[0], height, width});
    const auto target = sums.mutable_values<float>();
    for (std::size_t i = 0; i < n * count; ++i) {
        const auto map = channels.values<float>().subspan(i * positions, positions);
        float least = INFINITY, greatest = 0;
        for (const float value : map) {
            least = std::min(least, std::abs(value));
            greatest = std::max(greatest, std::abs(value));
        }
        const float scale = 1.0F / (greatest - least + 1e-7F);
        for (std::size_t p = 0; p < positions; ++p)
            target[i / count * positions + p] += (std::abs(map[p]) - least) * scale;
    }
    return sums;
}

struct FullGradient {
    ClassPass pass;
    std::vector<std::pair<std::int64_t, std::int64_t>> sizes;  // of each value's maps
};

Attribution run(const FullGradient& full, const Tensor& inputs, const ClassSelection& classes) {
    const ClassOutputs out = full.pass.run(inputs, classes);
    const auto& p = full.pass.network().preprocessing;
    std::vector<Tensor> columns;
    for (const auto& values : out.values) {
        Tensor sum(DataType::float32, {inputs.shape()[0], p.height, p.width});
        const auto target = sum.mutable_values<float>();
        for (std::size_t part = 0; part < values.size(); ++part) {
            const Tensor map =
                resized_maps(psi(values[part], full.sizes[part].first, full.sizes[part].second), p.height, p.width);
            for (std::size_t i = 0; i < target.size(); ++i) target[i] += map.values<float>()[i];
        }
        columns.push_back(std::move(sum));
    }
    return {.logits = out.logits, .class_indices = out.class_indices, .maps = stacked_maps(columns)};
}

}  // namespace

Prepared prepare_full_grad(const Network& network, const MethodOptions& options) {
    require_no_layer(options, "full-grad");
    std::vector<std::pair<std::int64_t, std::int64_t>> sizes{
        {network.preprocessing.height, network.preprocessing.width}};
    ClassPass pass(std::make_unique<MapGraph>(network, options, MapOf::input),
                   [&](MapGraph& graph, const Value& classes) {
                       auto layers = biased_layers(graph.model().graph, graph.pixels(), network.head.logits, false);
                       std::erase_if(layers, [&](const BiasedLayer& layer) {
                           const Shape shape = graph.shapes().shape(layer.tensor);
                           return shape.size() != 4 || shape[2] * shape[3] <= 1;
                       });
                       std::vector<std::string> wanted{graph.pixels()};
                       for (const BiasedLayer& layer : layers) wanted.push_back(layer.tensor);
                       const auto gradients = graph.gradients(wanted, classes);
                       std::vector<Value> values{graph.input() * graph.input_gradient(classes)};
                       for (std::size_t i = 0; i < layers.size(); ++i) {
                           const Shape shape = gradients[i + 1].shape();
                           const Value flat = model::reshape(model::cast(gradients[i + 1], DataType::float32),
                                                             {-1, shape[1], shape[2] * shape[3]});
                           values.push_back(flat * graph.emit().constant(layers[i].bias.reshaped({1, shape[1], 1})));
                           sizes.emplace_back(shape[2], shape[3]);
                       }
                       return values;
                   });
    auto full = std::make_shared<FullGradient>(FullGradient{std::move(pass), std::move(sizes)});
    Prepared prepared;
    prepared.target_layer = network.input;
    prepared.classes = full->pass.classes();
    prepared.explain = [full](const Tensor& inputs, const ClassSelection& classes) {
        return run(*full, inputs, classes);
    };
    return prepared;
}

}  // namespace locus::explain
