#include "train/surgery.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "model/networks/random_weights.hpp"
#include "model/shapes.hpp"
#include "runtime/observe_shapes.hpp"

namespace locus::train {

namespace {

/// Whether `output` can be reached from the input without passing through `tensor`.
bool goes_round(const model::Graph& graph, const std::string& tensor, const std::string& output) {
    std::unordered_set<std::string> reached;
    for (const model::ValueInfo& input : graph.inputs) reached.insert(input.name);
    for (const model::Node& node : graph.nodes) {
        if (std::none_of(node.inputs.begin(), node.inputs.end(),
                         [&](const std::string& i) { return i != tensor && reached.contains(i); }))
            continue;
        reached.insert(node.outputs.begin(), node.outputs.end());
    }
    return reached.contains(output);
}

std::string weight(model::NodeWriter& write, Tensor value, const std::string& name) {
    const std::string given = std::string(new_layer_prefix) + name;
    write.graph().initializers[given] = std::move(value);
    return given;
}

Tensor drawn(Shape shape, double deviation, std::uint64_t seed, const std::string& name) {
    Tensor tensor(DataType::float32, std::move(shape));
    model::RandomWeights(seed, name).fill_normal(tensor.mutable_values<float>(), deviation);
    return tensor;
}

std::vector<std::string> map_names(const model::Graph& graph, const model::Shapes& shapes) {
    std::vector<std::string> names;
    for (const model::Node& node : graph.nodes) {
        const std::string& name = node.output(0);
        if (shapes.contains(name) && shapes.rank(name) == 4) names.push_back(name);
    }
    return names;
}

}  // namespace

model::Head head_named(const std::string& name) {
    if (name == "gap") return model::Head::gap;
    if (name == "gmp") return model::Head::gmp;
    if (name == "sum") return model::Head::sum;
    if (name == "fc") return model::Head::fc;
    throw Error(ErrorKind::usage, fmt::format("there is no head '{}'; gap, gmp, sum and fc are known", name));
}

std::string find_cut(const model::Model& model) {
    const model::Shapes shapes = runtime::known_shapes(model);
    const std::string& input = model.graph.inputs.at(0).name;
    const Shape image = shapes.shape(input);
    const std::int64_t side = image.size() == 4 ? std::min(image[2], image[3]) : 0;
    const std::vector<std::string> names = map_names(model.graph, shapes);
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        const Shape shape = shapes.shape(*name);
        const std::int64_t here = std::min(shape[2], shape[3]);
        if (here < 2 || here * 18 < side || goes_round(model.graph, *name, model.graph.outputs.at(0).name)) continue;
        return *name;
    }
    throw Error(ErrorKind::model,
                "the network has no feature map that everything passes through and that is fine enough to cut behind; "
                "name a tensor "
                "with --cut-at");
}

model::Model with_new_head(const model::Model& model, const NewHead& head) {
    if (!model::Index(model.graph).contains(head.cut_at)) {
        throw Error(ErrorKind::usage,
                    fmt::format("the network has no tensor '{}' to cut at; near are {}", head.cut_at,
                                fmt::join(model::Index(model.graph).nearest_names(head.cut_at), ", ")));
    }
    const model::Shapes shapes = runtime::known_shapes(model);
    const Shape shape = shapes.shape(head.cut_at);
    const bool pooled = shape.size() == 2 || (shape.size() == 4 && shape[2] == 1 && shape[3] == 1);
    if ((shape.size() != 4 && !pooled) || shape[1] < 1) {
        throw Error(ErrorKind::usage, fmt::format("'{}' has the shape {}; a cut is made at a feature map [n, K, h, w]",
                                                  head.cut_at, to_string(shape)));
    }
    if (head.head == model::Head::fc && shape.size() == 4 && (shape[2] < 1 || shape[3] < 1)) {
        throw Error(ErrorKind::usage, "a head of type fc needs a network with a fixed input size");
    }
    model::Model out = model;
    out.graph = model::extract(model.graph, {model.graph.inputs.at(0).name}, {head.cut_at});
    model::NodeWriter write(out.graph, "new");
    std::string x = head.cut_at;
    if (shapes.type(x) != DataType::float32) x = write.cast(x, DataType::float32);
    std::int64_t channels = shape[1];
    if (head.convolution > 0) {
        const std::int64_t wide = head.convolution;
        const std::string kernel = weight(
            write,
            drawn({wide, channels, 3, 3}, std::sqrt(2.0 / (9.0 * static_cast<double>(channels))), head.seed, "conv"),
            "conv.weight");
        const std::string bias = weight(write, Tensor(DataType::float32, {wide}), "conv.bias");
        x = write.node(
            "Conv", {x, kernel, bias},
            {{"kernel_shape", std::vector<std::int64_t>{3, 3}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
        x = write.node("Relu", {x});
        channels = wide;
    }
    if (shape.size() == 4) {
        if (!pooled && head.head != model::Head::fc) {
            x = write.node(head.head == model::Head::gmp ? "GlobalMaxPool" : "GlobalAveragePool", {x});
            if (head.head == model::Head::sum)
                x = write.node("Mul", {x, write.constant(Tensor::scalar(static_cast<float>(shape[2] * shape[3])))});
        }
        if (!pooled && head.head == model::Head::fc) channels *= shape[2] * shape[3];
        x = write.node("Flatten", {x});
    }
    const std::string matrix =
        weight(write, drawn({head.classes, channels}, 0.01, head.seed, "linear"), "linear.weight");
    const std::string bias = weight(write, Tensor(DataType::float32, {head.classes}), "linear.bias");
    write.node("Gemm", {x, matrix, bias}, {{"transB", std::int64_t{1}}});
    const std::string logits = out.graph.find_constant("logits") || model::Index(out.graph).contains("logits")
                                   ? write.fresh_name("logits")
                                   : "logits";
    out.graph.nodes.back().outputs[0] = logits;
    model::ValueInfo result;
    result.name = logits;
    result.shape = std::vector<model::Dimension>{{std::nullopt, "n"}, {head.classes, ""}};
    const auto& batch = out.graph.inputs.at(0).shape;
    if (batch && !batch->empty() && batch->front().value) result.shape->front() = batch->front();
    out.graph.outputs = {result};
    model::remove_unused(out.graph);
    return out;
}

}  // namespace locus::train
