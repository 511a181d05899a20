#include "explain/methods/gradient_cam.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "explain/node_method.hpp"
#include "locus/error.hpp"
#include "model/derivative.hpp"
#include "model/opset.hpp"

namespace locus::explain {

using model::Value;

Value weighted_map(MapGraph& graph, std::size_t layer, const Value& weights) {
    const Value a = graph.features(layer);
    if (graph.options().eigen_smooth) return weights * a;
    return graph.shaped(model::matmul(model::transpose(weights, {0, 2, 1}), a), layer);
}

Value summed_map(MapGraph& graph, std::size_t layer, const Value& terms) {
    return graph.options().eigen_smooth ? terms : graph.shaped(model::reduce_sum(terms, {1}), layer);
}

Value grad_cam(MapGraph& graph, std::size_t layer, const Value& classes) {
    return weighted_map(graph, layer, model::reduce_mean(graph.gradient(layer, classes), {2}));
}

Value grad_cam_pp(MapGraph& graph, std::size_t layer, const Value& classes) {
    const Value a = graph.features(layer);
    const Value g = graph.gradient(layer, classes);
    const Value squared = g * g;
    const Value sums = model::reduce_sum(a, {2});
    const Value alpha = squared / (squared * (sums * g + 2.0) + 1e-6);  // 0 where g is 0, as its numerator is
    return weighted_map(graph, layer, model::reduce_sum(model::unary("Relu", g) * alpha, {2}));
}

Value xgrad_cam(MapGraph& graph, std::size_t layer, const Value& classes) {
    const Value a = graph.features(layer);
    const Value g = graph.gradient(layer, classes);
    const Value weights = model::reduce_sum(g * a, {2}) / (model::reduce_sum(a, {2}) + 1e-7);
    return weighted_map(graph, layer, weights);
}

Value layer_cam(MapGraph& graph, std::size_t layer, const Value& classes) {
    return summed_map(graph, layer, model::unary("Relu", graph.gradient(layer, classes)) * graph.features(layer));
}

Value hires_cam(MapGraph& graph, std::size_t layer, const Value& classes) {
    return summed_map(graph, layer, graph.gradient(layer, classes) * graph.features(layer));
}

Value grad_cam_elementwise(MapGraph& graph, std::size_t layer, const Value& classes) {
    return summed_map(graph, layer, model::unary("Relu", graph.gradient(layer, classes) * graph.features(layer)));
}

Value shapley_cam(MapGraph& graph, std::size_t layer, const Value& classes) {
    const TargetLayer& target = graph.layers()[layer];
    const Value g = graph.gradient(layer, classes);
    // H is symmetric: H A is the gradient of g . A with A held constant in the product.
    const std::string gradient = graph.gradients({target.tensor}, classes).front().name();
    const Value h = feature_map(graph.product_gradient(gradient, target.tensor, target.tensor), target);
    return weighted_map(graph, layer, model::reduce_mean(g - 0.5 * h, {2}));
}

std::string gradient_obstacle(const Network& network) {
    try {
        const model::Shapes shapes = network_shapes(network, network.model);
        const model::Index index(network.model.graph);
        const auto behind = index.descendants(find_target_layer(network, shapes, "").tensor);
        const auto before = index.ancestors(network.head.logits);
        const auto operators = model::differentiable_operators();
        for (const model::Node& node : network.model.graph.nodes) {
            const std::string& made = node.output(0);
            const std::vector<std::string> reads = node.reads();
            const bool between =
                before.contains(made) &&
                std::any_of(reads.begin(), reads.end(), [&](const auto& name) { return behind.contains(name); });
            static const auto in_integers = {"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "QLinearConv",
                                             "QLinearMatMul"};
            const bool is_lost = std::any_of(in_integers.begin(), in_integers.end(),
                                             [&](const char* op_type) { return node.op_type == op_type; });
            const bool is_asked = is_lost || !node.domain.empty() || !shapes.contains(made) || shapes.is_float(made);
            if (!between || !is_asked) continue;
            const bool known = std::binary_search(operators.begin(), operators.end(), node.op_type);
            if (!known || !node.domain.empty()) {
                return fmt::format("the operator {}{}{} (tensor '{}') has no derivative in Locus", node.domain,
                                   node.domain.empty() ? "" : ".", node.op_type, made);
            }
        }
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

std::string input_gradient_obstacle(const Network& network) {
    try {
        model::Model model = network.model;  // as the methods differentiate it
        model.graph.outputs = {{.name = network.head.logits, .type = DataType::float32, .shape = std::nullopt}};
        model::remove_unused(model.graph);
        model::raise_opset(model);
        return model::missing_rule(model.graph, network_shapes(network, model), network.head.logits, network.input);
    } catch (const Error& error) {
        return error.what();
    }
}

std::string guided_grad_cam_obstacle(const Network& network) {
    const std::string obstacle = gradient_obstacle(network);
    return obstacle.empty() ? input_gradient_obstacle(network) : obstacle;
}

std::string finer_cam_obstacle(const Network& network) {
    if (std::string obstacle = gradient_obstacle(network); !obstacle.empty()) return obstacle;
    const model::Shapes shapes = network_shapes(network, network.model);
    const std::string& scores = network.head.logits;
    if (!shapes.contains(scores) || score_extents(shapes.shape(scores)).classes != 1) return {};
    return one_class_has_no_difference;
}

void adjust_finer_cam(const Network&, MethodOptions& options) {
    if (options.target.chosen && options.target.kind != TargetKind::difference)
        throw Error(ErrorKind::usage,
                    "finer-cam explains the difference to the nearest classes: another target is for grad-cam, whose "
                    "formula it is");
    options.target.kind = TargetKind::difference;
}

PassPlan plan_finer_cam(const Network& network, const MethodOptions& options) {
    MethodOptions finer = options;
    adjust_finer_cam(network, finer);
    return node_plan(finer, grad_cam, MapOf::layer);
}

Prepared prepare_finer_cam(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, plan_finer_cam(network, options));
}

void adjust_refine_cam(const Network& network, MethodOptions& options) {
    options.fusion = Fusion::product;
    if (options.layer.empty()) options.layer = coarse_to_fine_layers(network, options.layout);
}

PassPlan plan_refine_cam(const Network& network, const MethodOptions& options) {
    MethodOptions refined = options;
    adjust_refine_cam(network, refined);
    return node_plan(refined, hires_cam, MapOf::layer);
}

Prepared prepare_refine_cam(const Network& network, const MethodOptions& options) {
    return prepare_plan(network, plan_refine_cam(network, options));
}

}  // namespace locus::explain
