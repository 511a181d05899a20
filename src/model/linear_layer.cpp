#include "model/linear_layer.hpp"

#include <algorithm>

namespace locus::model {
namespace {

/// A bias is a value an output: [to], or [1, to] as some exporters write it.
std::optional<Tensor> as_bias(const Tensor* tensor, std::int64_t outputs) {
    if (tensor == nullptr || tensor->type() != DataType::float32 || tensor->size() != outputs) return std::nullopt;
    if (tensor->rank() == 0 || tensor->shape().back() != outputs) return std::nullopt;
    return tensor->reshaped({outputs});
}

}  // namespace

std::optional<LinearLayer> linear_layer_at(const Graph& graph, const Index& index, const Node& node) {
    if (!node.is("Gemm") && !node.is("MatMul")) return std::nullopt;
    const Tensor* weights = graph.find_constant(node.input(1));
    if (weights == nullptr || weights->type() != DataType::float32 || weights->rank() != 2) return std::nullopt;
    LinearLayer layer{
        .input = node.input(0), .output = node.output(0), .weights_name = node.input(1), .weights = *weights};
    layer.rows_are_outputs = node.is("Gemm") && node.int_or("transB", 0) != 0;
    layer.from = weights->shape()[layer.rows_are_outputs ? 1 : 0];
    layer.to = weights->shape()[layer.rows_are_outputs ? 0 : 1];
    layer.bias = Tensor(DataType::float32, {layer.to});
    if (node.is("Gemm")) {
        if (node.int_or("transA", 0) != 0 || node.float_or("alpha", 1) != 1 || node.float_or("beta", 1) != 1)
            return std::nullopt;
        if (!node.input(2).empty()) {
            const auto bias = as_bias(graph.find_constant(node.input(2)), layer.to);
            if (!bias) return std::nullopt;
            layer.bias = *bias;
        }
        return layer;
    }
    const auto& readers = index.consumers(layer.output);
    if (readers.size() == 1 && readers.front()->is("Add") && graph.find_output(layer.output) == nullptr) {
        const Node& add = *readers.front();
        const std::string& other = add.input(add.input(0) == layer.output ? 1 : 0);
        if (const auto bias = as_bias(graph.find_constant(other), layer.to)) {
            layer.bias = *bias;
            layer.output = add.output(0);
        }
    }
    return layer;
}

std::optional<LinearLayer> linear_layer_behind(const Graph& graph, const Index& index, const std::string& tensor) {
    const Node* node = index.producer(tensor);
    if (node != nullptr && node->is("Add")) {
        const bool constant_first = graph.find_constant(node->input(0)) != nullptr;
        node = index.producer(node->input(constant_first ? 1 : 0));
    }
    if (node == nullptr) return std::nullopt;
    auto layer = linear_layer_at(graph, index, *node);
    if (layer && layer->output != tensor) return std::nullopt;
    return layer;
}

Tensor LinearLayer::weights_by_input() const {
    if (!rows_are_outputs) return weights;
    Tensor turned(DataType::float32, {from, to});
    const auto source = weights.values<float>();
    const auto target = turned.mutable_values<float>();
    const auto rows = static_cast<std::size_t>(to), columns = static_cast<std::size_t>(from);
    constexpr std::size_t tile = 32;  // two tiles stay in the first-level cache
    for (std::size_t r = 0; r < rows; r += tile) {
        for (std::size_t c = 0; c < columns; c += tile) {
            for (std::size_t i = r; i < std::min(r + tile, rows); ++i) {
                for (std::size_t j = c; j < std::min(c + tile, columns); ++j)
                    target[j * rows + i] = source[i * columns + j];
            }
        }
    }
    return turned;
}

}  // namespace locus::model
