#include "model/linear_chain.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_set>
#include <utility>

namespace locus::model {
namespace {

using Ints = std::vector<std::int64_t>;

constexpr std::size_t most_nodes = 64;
constexpr std::int64_t most_features = 4096;  // their square is a matrix's size

bool is_sum(const Node& node) { return node.is("Add") || node.is("Sub") || node.is("Sum") || node.is("Mean"); }
bool is_product(const Node& node) { return node.is("Mul") || node.is("Div"); }

class Reader {
public:
    Reader(const Graph& graph, const Index& index, const VectorPath& path)
        : graph_(graph), index_(index), path_(path) {}

    std::optional<LinearChain> read(const std::string& scores) {
        read_behind(scores);
        if (failed_ || chain_.nodes.empty()) return std::nullopt;
        chain_.features = features();
        if (chain_.features < 1 || chain_.features > most_features || !sizes_fit()) return std::nullopt;
        return std::move(chain_);
    }

private:
    /// Reads the nodes that make the tensor; returns the one that its values come from.
    std::string read_behind(const std::string& reshaped) {
        std::string tensor = path_.skip_reshaping(reshaped);
        if (failed_ || !seen_.insert(tensor).second) return tensor;
        const Node* node = index_.producer(tensor);
        const std::vector<std::size_t> data = node == nullptr ? std::vector<std::size_t>{} : data_inputs(*node);
        if (data.empty()) {
            failed_ = !chain_.from.empty() || !path_.is_variable(tensor);
            chain_.from = tensor;
            return tensor;
        }
        failed_ = ++visited_ > most_nodes;
        Node copy = *node;
        for (const std::size_t i : data) copy.inputs[i] = read_behind(copy.inputs[i]);
        chain_.nodes.push_back(std::move(copy));
        return tensor;
    }

    /// Which of the node's inputs it is a linear function of, all others being constants; none where it is not.
    std::vector<std::size_t> data_inputs(const Node& node) const {
        std::vector<std::size_t> variable;
        for (std::size_t i = 0; i < node.inputs.size(); ++i) {
            if (!node.inputs[i].empty() && path_.is_variable(node.inputs[i])) variable.push_back(i);
        }
        if (is_sum(node)) return variable;
        if (variable != std::vector<std::size_t>{0} && !(node.is("Mul") && variable.size() == 1)) return {};
        const bool is_layer = (node.is("Gemm") && node.int_or("transA", 0) == 0) || node.is("MatMul") ||
                              (node.is("Conv") && is_pointwise(graph_, node)) ||
                              (node.is("BatchNormalization") && node.int_or("training_mode", 0) == 0);
        return is_layer || is_product(node) || node.is("Neg") ? variable : std::vector<std::size_t>{};
    }

    /// Shape of a constant, which may be a quantized one.
    std::optional<Shape> constant_shape(std::string tensor) const {
        for (const Node* node = index_.producer(tensor); node != nullptr; node = index_.producer(tensor)) {
            if (!node->is("DequantizeLinear") && !node->is("Cast") && !node->is("Identity")) return std::nullopt;
            tensor = node->input(0);
        }
        const Tensor* constant = graph_.find_constant(tensor);
        return constant == nullptr ? std::nullopt : std::optional(constant->shape());
    }

    /// Values an item that a layer reads and makes; nullopt where its constants do not tell, and for other nodes.
    std::optional<std::pair<std::int64_t, std::int64_t>> layer_size(const Node& node) const {
        const Shape shape = constant_shape(node.input(1)).value_or(Shape{});
        if (node.is("BatchNormalization") && shape.size() == 1) return std::pair{shape[0], shape[0]};
        if (node.is("Conv") && shape.size() > 2) return std::pair{shape[1], shape[0]};
        if (shape.size() != 2) return std::nullopt;
        const bool rows_are_classes = node.is("Gemm") && node.int_or("transB", 0) != 0;
        if (!rows_are_classes && !node.is("Gemm") && !node.is("MatMul")) return std::nullopt;
        return rows_are_classes ? std::pair{shape[1], shape[0]} : std::pair{shape[0], shape[1]};
    }

    /// What the first node to tell reads: only such are before it as leave the number as it is.
    std::int64_t features() const {
        for (const Node& node : chain_.nodes) {
            if (const auto size = layer_size(node)) return size->first;
        }
        return 0;
    }

    /// Whether every node reads as many values as those before it make.
    bool sizes_fit() const {
        std::map<std::string, std::int64_t> sizes{{chain_.from, chain_.features}};
        for (const Node& node : chain_.nodes) {
            std::int64_t made = 0;
            for (std::size_t i = 0; i < node.inputs.size(); ++i) {
                const auto read = sizes.find(node.inputs[i]);
                if (read == sizes.end()) continue;
                if (made != 0 && made != read->second) return false;
                made = read->second;
            }
            const auto layer = layer_size(node);
            if (layer && layer->first != made) return false;
            if (!layer && !is_sum(node) && !is_product(node) && !node.is("Neg")) return false;
            if (layer) made = layer->second;
            for (std::size_t i = layer ? 2 : 0; i < node.inputs.size(); ++i) {
                if (node.inputs[i].empty() || sizes.contains(node.inputs[i])) continue;
                const auto shape = constant_shape(node.inputs[i]);
                if (!shape || (element_count(*shape) != 1 && element_count(*shape) != made)) return false;
            }
            sizes[node.output(0)] = made;
        }
        return true;
    }

    const Graph& graph_;
    const Index& index_;
    const VectorPath& path_;
    LinearChain chain_;
    std::unordered_set<std::string> seen_;
    std::size_t visited_ = 0;
    bool failed_ = false;
};

/// The chain's nodes once more, on rows of features, [rows, features].
std::string write_nodes(NodeWriter& write, const LinearChain& chain, const std::string& rows) {
    std::map<std::string, std::string> made{{chain.from, rows}};
    const auto value = [&](const std::string& input) {
        const auto found = made.find(input);
        return found != made.end() ? found->second : write.cast(input, DataType::float32);
    };
    const auto one_row = [&](const std::string& input) {  // constants of a map's rank stand for a row here
        const auto found = made.find(input);
        if (found != made.end()) return found->second;
        return write.node("Reshape", {write.cast(input, DataType::float32), write.constant(Ints{-1})});
    };
    for (const Node& node : chain.nodes) {
        std::vector<std::string> inputs;
        for (const std::string& input : node.inputs) {
            const bool as_row = is_sum(node) || is_product(node);
            inputs.push_back(input.empty() ? "" : as_row ? one_row(input) : value(input));
        }
        std::string result;
        if (node.is("Conv")) {
            inputs[1] = write.node("Flatten", {inputs[1]}, {{"axis", std::int64_t{1}}});
            result = write.node("Gemm", inputs, {{"transB", std::int64_t{1}}});
        } else if (node.is("Gemm")) {
            result = write.node("Gemm", inputs,
                                {{"alpha", node.float_or("alpha", 1.0F)},
                                 {"beta", node.float_or("beta", 1.0F)},
                                 {"transB", node.int_or("transB", 0)}});
        } else if (node.is("BatchNormalization")) {
            result = write.node("BatchNormalization", inputs, {{"epsilon", node.float_or("epsilon", 1e-5F)}});
        } else {
            result = write.node(node.op_type, inputs);
        }
        made[node.output(0)] = result;
    }
    return made.at(chain.nodes.back().output(0));
}

}  // namespace

std::optional<LinearChain> find_linear_chain(const Graph& graph, const Index& index, const std::string& scores,
                                             const VectorPath& path) {
    return Reader(graph, index, path).read(scores);
}

ChainWeights write_weights(NodeWriter& write, const LinearChain& chain) {
    // Long vectors, so that little of a weight is lost where it is added to a bias: a power of two divides exactly.
    constexpr float length = 4096;
    const auto features = static_cast<std::size_t>(chain.features);
    Ints places(features + 1, chain.features);  // of a row's one number: none in the first row, then one after another
    std::iota(places.begin() + 1, places.end(), 0);
    const std::string rows = write.node("OneHot", {write.constant(places), write.constant(Ints{chain.features}),
                                                   write.constant(Tensor::of<float>({2}, {0.0F, length}))});
    const std::string all = write_nodes(write, chain, rows);

    ChainWeights weights;
    const std::string first = write.node("Slice", {all, write.constant(Ints{0}), write.constant(Ints{1})});
    const std::string others =
        write.node("Slice", {all, write.constant(Ints{1}), write.constant(Ints{chain.features + 1})});
    weights.bias = write.node("Reshape", {first, write.constant(Ints{-1})});
    weights.weight = write.node("Div", {write.node("Sub", {others, first}), write.constant(Tensor::scalar(length))});
    return weights;
}

bool is_pointwise(const Graph& graph, const Node& convolution) {
    const auto all = [](const Ints& values, std::int64_t value) {
        return std::ranges::all_of(values, [&](std::int64_t v) { return v == value; });
    };
    const Tensor* weight = graph.find_constant(convolution.input(1));
    Ints kernel = convolution.ints_or("kernel_shape", {});
    if (kernel.empty() && weight != nullptr && weight->rank() > 2)
        kernel.assign(weight->shape().begin() + 2, weight->shape().end());
    return !kernel.empty() && all(kernel, 1) && convolution.int_or("group", 1) == 1 &&
           all(convolution.ints_or("strides", {}), 1) && all(convolution.ints_or("pads", {}), 0);
}

}  // namespace locus::model
