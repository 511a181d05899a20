#include "explain/methods/saliency.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <random>

#include "explain/batches.hpp"
#include "explain/fusion.hpp"
#include "explain/input_scores.hpp"
#include "explain/methods/gradient_cam.hpp"
#include "explain/node_method.hpp"
#include "explain/random_numbers.hpp"

namespace locus::explain {

using model::Value;

Value saliency(MapGraph& graph, std::size_t, const Value& classes) {
    return graph.shaped_as_input(model::reduce_max(model::unary("Abs", graph.input_gradient(classes)), {1}, false));
}

Value input_x_gradient(MapGraph& graph, std::size_t, const Value& classes) {
    return graph.shaped_as_input(model::reduce_sum(graph.input_gradient(classes) * graph.input(), {1}));
}

Value guided_backprop(MapGraph& graph, std::size_t, const Value& classes) {
    return graph.shaped_as_input(model::reduce_sum(graph.input_gradient(classes, model::ReluRule::guided), {1}));
}

Value deconvnet(MapGraph& graph, std::size_t, const Value& classes) {
    return graph.shaped_as_input(model::reduce_sum(graph.input_gradient(classes, model::ReluRule::deconvnet), {1}));
}

namespace {

/// Inputs near or before one input, and how their gradients' mean becomes a map.
struct Path {
    std::function<Tensor(const Tensor& image, std::int64_t first, std::int64_t count, std::mt19937_64& random)> points;
    std::int64_t count = 0;
    bool integrates = false;  ///< sum of (x - black) g, else max abs g
};

Attribution run(const ClassPass& pass, const Path& path, const MethodOptions& options, const Tensor& inputs,
                const ClassSelection& classes) {
    const ClassOutputs out = pass.run(inputs, classes);
    const Network& network = pass.network();
    const std::int64_t height = network.preprocessing.height, width = network.preprocessing.width;
    const auto n = static_cast<std::size_t>(inputs.shape()[0]), m = out.values.size();
    const auto pixels = static_cast<std::size_t>(height * width);
    const bool last = network.preprocessing.layout == Layout::nhwc;
    Attribution a{.logits = out.logits, .class_indices = out.class_indices};
    a.maps = Tensor(DataType::float32, {inputs.shape()[0], static_cast<std::int64_t>(m), height, width});
    const auto maps = a.maps.mutable_values<float>();
    const std::int64_t batch = network.fixed_batch.value_or(
        std::min<std::int64_t>(batch_size(inputs.bytes().size() / n * 2, options.memory_limit), 8));
    for (std::size_t item = 0; item < n; ++item) {
        const Tensor image = rows(inputs, static_cast<std::int64_t>(item), 1), whole = image.to_float32();
        const Tensor black(DataType::float32, {1, height, width});  // nothing of the image shows
        const Tensor baseline = masked_inputs(network, image, black, true).to_float32();
        for (std::size_t c = 0; c < m; ++c) {
            std::mt19937_64 random(options.seed);
            std::vector<double> sums;
            for (std::int64_t first = 0; first < path.count; first += batch) {
                const std::int64_t count = std::min(batch, path.count - first);
                const Tensor index =
                    Tensor::of<std::int64_t>({1}, {out.class_indices.values<std::int64_t>()[item * m + c]});
                const Tensor points = path.points(image, first, count, random);
                const Tensor gradients = pass.run_given(points, repeated_rows(index, count))[0];  // [count, C, pixels]
                const auto values = gradients.values<float>();
                const std::size_t size = values.size() / static_cast<std::size_t>(count);
                sums.resize(size, 0.0);
                for (std::size_t i = 0; i < values.size(); ++i) sums[i % size] += values[i];
            }
            const std::size_t channels = sums.size() / pixels;
            for (std::size_t p = 0; p < pixels; ++p) {
                double value = 0;
                for (std::size_t k = 0; k < channels; ++k) {
                    const double mean = sums[k * pixels + p] / static_cast<double>(path.count);
                    const std::size_t at = last ? p * channels + k : k * pixels + p;
                    const double way = static_cast<double>(whole.values<float>()[at]) - baseline.values<float>()[at];
                    value = path.integrates ? value + way * mean : std::max(value, std::abs(mean));
                }
                maps[(item * m + c) * pixels + p] = static_cast<float>(value);
            }
        }
    }
    return a;
}

Prepared prepare_path(const Network& network, const MethodOptions& options, Path path) {
    auto pass = std::make_shared<ClassPass>(
        std::make_unique<MapGraph>(network, options, MapOf::input),
        [](MapGraph& graph, const Value& classes) { return std::vector<Value>{graph.input_gradient(classes)}; });
    Prepared prepared;
    prepared.target_layer = network.input;
    prepared.classes = pass->classes();
    prepared.explain = [pass, path, options](const Tensor& inputs, const ClassSelection& classes) {
        return run(*pass, path, options, inputs, classes);
    };
    return prepared;
}

}  // namespace

Prepared prepare_smooth_grad(const Network& network, const MethodOptions& options) {
    require_no_layer(options, "smooth-grad");
    const double noise = options.noise > 0 ? options.noise : 0.15;
    Path path{.count = options.samples > 0 ? options.samples : 50};
    path.points = [noise](const Tensor& image, std::int64_t, std::int64_t count, std::mt19937_64& random) {
        Tensor points = repeated_rows(image.to_float32(), count);
        const auto values = points.mutable_values<float>();
        const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
        const double deviation = noise * (*greatest - *least);
        for (float& value : values) value += static_cast<float>(deviation * normal(random));
        return points.to(image.type());
    };
    return prepare_path(network, options, std::move(path));
}

Prepared prepare_integrated_gradients(const Network& network, const MethodOptions& options) {
    require_no_layer(options, "integrated-gradients");
    const std::int64_t steps = options.steps > 0 ? options.steps : 32;
    Path path{.count = steps, .integrates = true};
    path.points = [steps, light = without_graph(network)](const Tensor& image, std::int64_t first, std::int64_t count,
                                                          std::mt19937_64&) {
        const auto& p = light.preprocessing;
        Tensor shares(DataType::float32, {count, p.height, p.width});
        const auto values = shares.mutable_values<float>();
        const std::size_t size = values.size() / static_cast<std::size_t>(count);
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = static_cast<float>((static_cast<double>(first) + static_cast<double>(i / size) + 0.5) /
                                           static_cast<double>(steps));
        }
        return masked_inputs(light, image, shares, true);
    };
    return prepare_path(network, options, std::move(path));
}

Prepared prepare_guided_grad_cam(const Network& network, const MethodOptions& options) {
    auto pass = std::make_shared<ClassPass>(
        std::make_unique<MapGraph>(network, options), [](MapGraph& graph, const Value& classes) {
            return std::vector<Value>{guided_backprop(graph, 0, classes), grad_cam(graph, 0, classes)};
        });
    Prepared prepared;
    prepared.target_layer = joined_names(pass->layers());
    prepared.classes = pass->classes();
    prepared.explain = [pass](const Tensor& inputs, const ClassSelection& classes) {
        ClassOutputs out = pass->run(inputs, classes);
        std::vector<Tensor> columns;
        for (auto& values : out.values) {
            Tensor positive = values[1];
            for (float& value : positive.mutable_values<float>()) value = std::max(value, 0.0F);
            Tensor map = values[0];
            const Tensor large = resized_maps(positive, map.shape()[1], map.shape()[2]);
            const auto target = map.mutable_values<float>();
            for (std::size_t i = 0; i < target.size(); ++i) target[i] *= large.values<float>()[i];
            columns.push_back(std::move(map));
        }
        return Attribution{.logits = out.logits, .class_indices = out.class_indices, .maps = stacked_maps(columns)};
    };
    return prepared;
}

}  // namespace locus::explain
