#pragma once

/// Writes networks as other people's exporters write them, with random weights: PyTorch's own at opset 13, with shapes
/// computed by the graph (`Style::traced`) or with them worked out and stored (`Style::simplified`, as onnx-simplifier
/// leaves them), and LayerNorm and Gelu as single operators where the opset has them.
///
///     Exporter write({.opset = 17});
///     std::string x = write.conv(write.input(3, 96), 3, 16, {.kernel = 3, .stride = 2, .pad = 1});
///     write.finish(write.linear(x, 16, 5));

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model/graph.hpp"

namespace locus::test {

using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, model::Attribute>;

enum class Style { traced, simplified };

struct Export {
    int opset = 13;
    Style style = Style::traced;
    bool scatters = true;  ///< attention masks are filled by ScatterND; else stored
};

struct ConvShape {
    int kernel = 1, stride = 1, pad = 0;
    std::int64_t groups = 1;
};

/// In `reshape`: the batch, or the batch times windows.
inline constexpr std::int64_t batch = -2;

class Exporter {
public:
    explicit Exporter(const Export& options);

    std::string input(std::int64_t channels, std::int64_t size);
    model::Model finish(const std::string& scores);  ///< its output is called "logits"

    std::string node(const std::string& op_type, std::vector<std::string> inputs, Attributes attributes = {});
    std::vector<std::string> nodes(const std::string& op_type, std::vector<std::string> inputs, std::size_t outputs,
                                   Attributes attributes = {});
    std::string ints(const Ints& values);
    std::string number(float value);
    std::string whole(std::int64_t value);  ///< int64, rank 0
    std::string constant(Tensor value);
    std::string weight(const Shape& shape, double deviation, double mean = 0);

    /// `x` [batch, ...] in another shape, of which one entry may be `batch`, times `windows`.
    std::string reshape(const std::string& x, const Shape& shape, std::int64_t windows = 1);
    std::string transpose(const std::string& x, const Ints& order);
    std::string slice(const std::string& x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                      std::int64_t step = 1);
    std::string mean(const std::string& x, const Ints& axes, bool keep = true);

    std::string conv(const std::string& x, std::int64_t in, std::int64_t out, const ConvShape& shape);
    std::string linear(const std::string& x, std::int64_t in, std::int64_t out, bool bias = true);  ///< MatMul, Add
    std::string classifier(const std::string& x, std::int64_t in, std::int64_t out);                ///< Gemm
    std::string relu(const std::string& x) { return node("Relu", {x}); }
    std::string silu(const std::string& x) { return node("Mul", {x, node("Sigmoid", {x})}); }
    std::string hard_sigmoid(const std::string& x);
    std::string hard_swish(const std::string& x);
    std::string gelu(const std::string& x);
    std::string layer_norm(const std::string& x, std::int64_t channels);  ///< over the last axis
    std::string softmax(const std::string& x) { return node("Softmax", {x}, {{"axis", std::int64_t{-1}}}); }
    std::string add(const std::string& a, const std::string& b) { return node("Add", {a, b}); }
    std::string mul(const std::string& a, const std::string& b) { return node("Mul", {a, b}); }
    std::string concat(std::vector<std::string> parts, std::int64_t axis);
    std::string flattened_pool(const std::string& x);  ///< GlobalAveragePool, Flatten

    /// The tensor under another name.
    std::string named(const std::string& x, const std::string& name);

    const Export& options() const { return options_; }

private:
    /// The batch of `x` as int64 [1], times `windows` (or divided by it, where negative).
    std::string batch_of(const std::string& x, std::int64_t windows);

    Export options_;
    model::Model model_;
    std::mt19937 random_{7};
    int next_ = 0;
};

}  // namespace locus::test
