#include "model/networks/network_writer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "model/networks/random_weights.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

/// Weights that fit one ONNX file, with room for the rest.
constexpr std::int64_t most_parameters = 530'000'000;

/// The IR version of the ONNX release that brought the opset (onnx/docs/Versioning.md); at least 4, as we write.
std::int64_t ir_version(int opset) {
    if (opset >= 21) return 10;
    if (opset >= 19) return 9;
    if (opset >= 15) return 8;
    if (opset >= 12) return 7;
    if (opset == 11) return 6;
    return opset == 10 ? 5 : 4;
}

auto normal(double deviation) {
    return [deviation](RandomWeights& random, std::span<float> values) { random.fill_normal(values, deviation); };
}

auto uniform(double limit) {
    return [limit](RandomWeights& random, std::span<float> values) { random.fill_uniform(values, limit); };
}

}  // namespace

NetworkWriter::NetworkWriter(const NetworkOptions& options, int image_size, Weights weights)
    : options_(options), weights_(weights) {
    if (options_.image_size == 0) options_.image_size = image_size;
    model_.ir_version = ir_version(options_.opset);
    model_.opsets[""] = options_.opset;
    name_producer(model_);
    model_.graph.name = options_.name;
}

std::int64_t NetworkWriter::scaled(std::int64_t channels, std::int64_t divisor) const {
    const double wanted = static_cast<double>(channels) * options_.width;
    return std::max<std::int64_t>(std::llround(wanted / static_cast<double>(divisor)), 1) * divisor;
}

FeatureMap NetworkWriter::append(const std::string& op_type, const std::string& name, std::vector<std::string> inputs,
                                 std::map<std::string, Attribute> attributes, std::int64_t channels,
                                 std::int64_t size) {
    Node node;
    node.op_type = op_type;
    node.name = name;
    node.inputs = std::move(inputs);
    node.outputs = {name};
    node.attributes = std::move(attributes);
    model_.graph.nodes.push_back(std::move(node));
    return {name, channels, size};
}

std::int64_t NetworkWriter::windows(const FeatureMap& x, const std::string& name, int kernel, int stride,
                                    int pads) const {
    const std::int64_t room = x.size + pads - kernel;
    if (room < 0) {
        throw Error(ErrorKind::usage,
                    fmt::format("images of {} pixels are too small for {}: its layer {} would have nothing to look at",
                                options_.image_size, options_.name, name));
    }
    return room / stride + 1;
}

std::string NetworkWriter::constant(const std::string& name, Tensor value) {
    model_.graph.initializers.insert_or_assign(name, std::move(value));
    return name;
}

template <class Fill> std::string NetworkWriter::learned(const std::string& name, const Shape& shape, Fill fill) {
    parameters_ += element_count(shape);
    if (parameters_ > most_parameters) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} of this width has more than {} million parameters, more than an ONNX file can hold",
                                options_.name, most_parameters / 1'000'000));
    }
    if (weights_ == Weights::counted) return name;
    Tensor values(DataType::float32, shape);
    RandomWeights random(options_.seed, name);
    fill(random, values.mutable_values<float>());
    return constant(name, std::move(values));
}

FeatureMap NetworkWriter::input() {
    const auto dimension = [](bool fixed, std::int64_t value, const char* symbol) {
        return fixed ? Dimension{value, ""} : Dimension{std::nullopt, symbol};
    };
    ValueInfo info;
    info.name = "input";
    info.shape = {dimension(options_.batch > 0, options_.batch, "n"), dimension(true, options_.channels, ""),
                  dimension(!options_.dynamic_size, options_.image_size, "h"),
                  dimension(!options_.dynamic_size, options_.image_size, "w")};
    model_.graph.inputs.push_back(info);
    return {info.name, options_.channels, options_.image_size};
}

FeatureMap NetworkWriter::conv(const FeatureMap& x, const std::string& name, const Convolution& shape, bool bias) {
    const std::int64_t size = windows(x, name, shape.kernel, shape.stride, 2 * shape.pad);
    const std::int64_t in = x.channels / shape.groups;
    const auto fan_in = static_cast<double>(in * shape.kernel * shape.kernel);
    std::vector<std::string> inputs{x.tensor, learned(name + ".weight", {shape.out, in, shape.kernel, shape.kernel},
                                                      normal(std::sqrt(2.0 / fan_in)))};
    if (bias) inputs.push_back(learned(name + ".bias", {shape.out}, uniform(1.0 / std::sqrt(fan_in))));
    return append("Conv", name, std::move(inputs),
                  {{"kernel_shape", Ints{shape.kernel, shape.kernel}},
                   {"strides", Ints{shape.stride, shape.stride}},
                   {"pads", Ints{shape.pad, shape.pad, shape.pad, shape.pad}},
                   {"group", shape.groups}},
                  shape.out, size);
}

FeatureMap NetworkWriter::conv_bn(const FeatureMap& x, const std::string& name, const Convolution& shape) {
    if (!options_.batch_norm) return conv(x, name, shape);
    const FeatureMap y = conv(x, name, shape, false);
    const std::string bn = name + ".bn";
    const auto filled = [&](const char* part, float value) {
        return learned(bn + part, {shape.out}, [value](RandomWeights&, std::span<float> values) {
            std::fill(values.begin(), values.end(), value);
        });
    };
    return append(
        "BatchNormalization", bn,
        {y.tensor, filled(".weight", 1), filled(".bias", 0), filled(".running_mean", 0), filled(".running_var", 1)},
        {{"epsilon", 1e-5F}, {"momentum", 0.9F}}, y.channels, y.size);
}

FeatureMap NetworkWriter::relu(const FeatureMap& x, const std::string& name) {
    return append("Relu", name, {x.tensor}, {}, x.channels, x.size);
}

FeatureMap NetworkWriter::relu6(const FeatureMap& x, const std::string& name) {
    if (options_.opset < 11) {
        return append("Clip", name, {x.tensor}, {{"min", 0.0F}, {"max", 6.0F}}, x.channels, x.size);
    }
    const std::string zero = constant("relu6.min", Tensor::scalar(0.0F));
    const std::string six = constant("relu6.max", Tensor::scalar(6.0F));
    return append("Clip", name, {x.tensor, zero, six}, {}, x.channels, x.size);
}

FeatureMap NetworkWriter::max_pool(const FeatureMap& x, const std::string& name, const Pooling& shape) {
    const std::int64_t end = shape.pad + shape.pad_end;
    const std::int64_t size = windows(x, name, shape.kernel, shape.stride, 2 * shape.pad + shape.pad_end);
    return append("MaxPool", name, {x.tensor},
                  {{"kernel_shape", Ints{shape.kernel, shape.kernel}},
                   {"strides", Ints{shape.stride, shape.stride}},
                   {"pads", Ints{shape.pad, shape.pad, end, end}}},
                  x.channels, size);
}

FeatureMap NetworkWriter::lrn(const FeatureMap& x, const std::string& name) {
    return append("LRN", name, {x.tensor},
                  {{"size", std::int64_t{5}}, {"alpha", 1e-4F}, {"beta", 0.75F}, {"bias", 1.0F}}, x.channels, x.size);
}

FeatureMap NetworkWriter::dropout(const FeatureMap& x, const std::string& name, float ratio) {
    if (options_.opset < 12) return append("Dropout", name, {x.tensor}, {{"ratio", ratio}}, x.channels, x.size);
    return append("Dropout", name, {x.tensor, constant(name + ".ratio", Tensor::scalar(ratio))}, {}, x.channels,
                  x.size);
}

FeatureMap NetworkWriter::add(const FeatureMap& a, const FeatureMap& b, const std::string& name) {
    return append("Add", name, {a.tensor, b.tensor}, {}, a.channels, a.size);
}

FeatureMap NetworkWriter::concat(const std::vector<FeatureMap>& maps, const std::string& name) {
    std::vector<std::string> inputs;
    std::int64_t channels = 0;
    for (const FeatureMap& map : maps) {
        inputs.push_back(map.tensor);
        channels += map.channels;
    }
    return append("Concat", name, std::move(inputs), {{"axis", std::int64_t{1}}}, channels, maps.front().size);
}

FeatureMap NetworkWriter::pool(const FeatureMap& x, Head head) {
    const auto flat = [&](const FeatureMap& y, std::int64_t features) {
        return append("Flatten", "flatten", {y.tensor}, {{"axis", std::int64_t{1}}}, features, 0);
    };
    switch (head) {
        case Head::gap:
            return flat(append("GlobalAveragePool", "global_average_pool", {x.tensor}, {}, x.channels, 1), x.channels);
        case Head::gmp:
            return flat(append("GlobalMaxPool", "global_max_pool", {x.tensor}, {}, x.channels, 1), x.channels);
        case Head::sum:
            if (options_.opset < 13) {
                return append("ReduceSum", "global_sum_pool", {x.tensor},
                              {{"axes", Ints{2, 3}}, {"keepdims", std::int64_t{0}}}, x.channels, 0);
            }
            return append("ReduceSum", "global_sum_pool",
                          {x.tensor, constant("global_sum_pool.axes", Tensor::of<std::int64_t>({2}, {2, 3}))},
                          {{"keepdims", std::int64_t{0}}}, x.channels, 0);
        case Head::fc:
            break;
    }
    if (options_.dynamic_size) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} with fully connected layers needs a fixed image size", options_.name));
    }
    return flat(x, x.channels * x.size * x.size);
}

FeatureMap NetworkWriter::linear(const FeatureMap& x, const std::string& name, std::int64_t out) {
    const auto in = static_cast<double>(x.channels);
    const double glorot = std::sqrt(6.0 / (in + static_cast<double>(out)));
    return append("Gemm", name,
                  {x.tensor, learned(name + ".weight", {out, x.channels}, uniform(glorot)),
                   learned(name + ".bias", {out}, uniform(1.0 / std::sqrt(in)))},
                  {{"transB", std::int64_t{1}}}, out, 0);
}

FeatureMap NetworkWriter::softmax(const FeatureMap& x, const std::string& name) {
    return append("Softmax", name, {x.tensor}, {{"axis", std::int64_t{1}}}, x.channels, 0);
}

FeatureMap NetworkWriter::renamed(const FeatureMap& x, const std::string& name) {
    for (Node& node : model_.graph.nodes) {
        std::replace(node.outputs.begin(), node.outputs.end(), x.tensor, name);
        std::replace(node.inputs.begin(), node.inputs.end(), x.tensor, name);
    }
    return {name, x.channels, x.size};
}

void NetworkWriter::output(const FeatureMap& x, const std::string& name) {
    ValueInfo info;
    info.name = renamed(x, name).tensor;
    info.shape = {model_.graph.inputs.front().shape->front(), Dimension{x.channels, ""}};
    model_.graph.outputs.push_back(std::move(info));
}

}  // namespace locus::model
