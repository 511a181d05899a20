#include "support/exported/exporter.hpp"

#include <algorithm>
#include <cmath>

namespace locus::test {

Exporter::Exporter(const Export& options) : options_(options) {
    model_.opsets[""] = options.opset;
    model_.graph.name = "exported";
}

std::string Exporter::input(std::int64_t channels, std::int64_t size) {
    const model::Dimension n{.symbol = "n"}, side{.value = size};
    model_.graph.inputs.push_back({.name = "input",
                                   .type = DataType::float32,
                                   .shape = std::vector<model::Dimension>{n, {.value = channels}, side, side}});
    return "input";
}

model::Model Exporter::finish(const std::string& scores) {
    named(scores, "logits");
    model_.graph.outputs.push_back({.name = "logits", .type = DataType::float32, .shape = std::nullopt});
    return std::move(model_);
}

std::vector<std::string> Exporter::nodes(const std::string& op_type, std::vector<std::string> inputs,
                                         std::size_t outputs, Attributes attributes) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < outputs; ++i) names.push_back(op_type + "_" + std::to_string(next_++));
    model_.graph.nodes.push_back({.op_type = op_type,
                                  .inputs = std::move(inputs),
                                  .outputs = names,
                                  .attributes = std::move(attributes),
                                  .name = names.front()});
    return names;
}

std::string Exporter::node(const std::string& op_type, std::vector<std::string> inputs, Attributes attributes) {
    return nodes(op_type, std::move(inputs), 1, std::move(attributes)).front();
}

std::string Exporter::constant(Tensor value) {
    const std::string name = "constant_" + std::to_string(next_++);
    model_.graph.initializers[name] = std::move(value);
    return name;
}

std::string Exporter::ints(const Ints& values) {
    return constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
}
std::string Exporter::number(float value) { return constant(Tensor::scalar(value)); }
std::string Exporter::whole(std::int64_t value) { return constant(Tensor::scalar(value)); }

std::string Exporter::weight(const Shape& shape, double deviation, double mean) {
    Tensor values(DataType::float32, shape);
    std::normal_distribution<double> normal(mean, deviation);
    for (float& value : values.mutable_values<float>()) value = static_cast<float>(normal(random_));
    return constant(std::move(values));
}

std::string Exporter::batch_of(const std::string& x, std::int64_t windows) {
    std::string size = node("Gather", {node("Shape", {x}), whole(0)}, {{"axis", std::int64_t{0}}});
    if (windows > 1) size = node("Mul", {size, whole(windows)});
    if (windows < -1) size = node("Div", {size, whole(-windows)});
    return node("Unsqueeze", {size, ints({0})});
}

std::string Exporter::reshape(const std::string& x, const Shape& shape, std::int64_t windows) {
    const auto at = std::find(shape.begin(), shape.end(), batch);
    if (options_.style == Style::simplified || at == shape.end()) {
        Shape stored = shape;
        std::replace(stored.begin(), stored.end(), batch, windows == 1 ? std::int64_t{0} : std::int64_t{-1});
        return node("Reshape", {x, ints(stored)});
    }
    std::vector<std::string> parts;
    for (const std::int64_t size : shape) parts.push_back(size == batch ? batch_of(x, windows) : ints({size}));
    return node("Reshape", {x, concat(parts, 0)});
}

std::string Exporter::transpose(const std::string& x, const Ints& order) {
    return node("Transpose", {x}, {{"perm", order}});
}

std::string Exporter::slice(const std::string& x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                            std::int64_t step) {
    return node("Slice", {x, ints({begin}), ints({end}), ints({axis}), ints({step})});
}

std::string Exporter::mean(const std::string& x, const Ints& axes, bool keep) {
    const std::int64_t keepdims = keep ? 1 : 0;
    if (options_.opset >= 18) return node("ReduceMean", {x, ints(axes)}, {{"keepdims", keepdims}});
    return node("ReduceMean", {x}, {{"axes", axes}, {"keepdims", keepdims}});
}

std::string Exporter::conv(const std::string& x, std::int64_t in, std::int64_t out, const ConvShape& shape) {
    const std::int64_t k = shape.kernel, pad = shape.pad, stride = shape.stride, each = in / shape.groups;
    const double deviation = std::sqrt(2.0 / static_cast<double>(each * k * k));
    return node("Conv", {x, weight({out, each, k, k}, deviation), weight({out}, 0.1)},
                {{"kernel_shape", Ints{k, k}},
                 {"strides", Ints{stride, stride}},
                 {"pads", Ints{pad, pad, pad, pad}},
                 {"dilations", Ints{1, 1}},
                 {"group", shape.groups}});
}

std::string Exporter::linear(const std::string& x, std::int64_t in, std::int64_t out, bool bias) {
    const std::string product = node("MatMul", {x, weight({in, out}, std::sqrt(1.0 / static_cast<double>(in)))});
    return bias ? add(weight({out}, 0.1), product) : product;  // PyTorch's exporter puts the bias first
}

std::string Exporter::classifier(const std::string& x, std::int64_t in, std::int64_t out) {
    return node("Gemm", {x, weight({out, in}, std::sqrt(1.0 / static_cast<double>(in))), weight({out}, 0.1)},
                {{"alpha", 1.0F}, {"beta", 1.0F}, {"transB", std::int64_t{1}}});
}

std::string Exporter::hard_sigmoid(const std::string& x) {
    return node("HardSigmoid", {x}, {{"alpha", 1.0F / 6.0F}, {"beta", 0.5F}});
}

std::string Exporter::hard_swish(const std::string& x) {
    return options_.opset >= 14 ? node("HardSwish", {x}) : mul(x, hard_sigmoid(x));
}

std::string Exporter::gelu(const std::string& x) {
    if (options_.opset >= 20) return node("Gelu", {x});
    const std::string half = add(node("Erf", {node("Div", {x, number(std::sqrt(2.0F))})}), number(1.0F));
    return mul(mul(x, half), number(0.5F));
}

std::string Exporter::layer_norm(const std::string& x, std::int64_t channels) {
    const std::string gamma = weight({channels}, 0.2, 1.0), beta = weight({channels}, 0.1);
    if (options_.opset >= 17)
        return node("LayerNormalization", {x, gamma, beta}, {{"axis", std::int64_t{-1}}, {"epsilon", 1e-6F}});
    const std::string centred = node("Sub", {x, mean(x, {-1})});
    const std::string variance = mean(node("Pow", {centred, number(2.0F)}), {-1});
    const std::string deviation = node("Sqrt", {add(variance, number(1e-6F))});
    return add(mul(node("Div", {centred, deviation}), gamma), beta);
}

std::string Exporter::concat(std::vector<std::string> parts, std::int64_t axis) {
    return node("Concat", std::move(parts), {{"axis", axis}});
}

std::string Exporter::flattened_pool(const std::string& x) {
    return node("Flatten", {node("GlobalAveragePool", {x})}, {{"axis", std::int64_t{1}}});
}

std::string Exporter::named(const std::string& x, const std::string& name) {
    for (model::Node& each : model_.graph.nodes) {
        std::replace(each.inputs.begin(), each.inputs.end(), x, name);
        std::replace(each.outputs.begin(), each.outputs.end(), x, name);
    }
    return name;
}

}  // namespace locus::test
