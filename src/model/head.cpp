#include "model/head.hpp"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "model/first_number.hpp"
#include "model/score_outputs.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

/// Reads the graph backwards from the scores.
class HeadReader {
public:
    explicit HeadReader(const Model& model) : graph_(model.graph), index_(model.graph) {
        for (const auto& input : graph_.inputs) {
            for (const auto& tensor : index_.descendants(input.name)) variable_.insert(tensor);
        }
    }

    /// Whether a node makes the tensor from the model's inputs.
    bool computes(const std::string& tensor) const { return is_variable(tensor) && index_.producer(tensor) != nullptr; }

    ClassifierHead read(const std::string& output) {
        head_.output = output;
        std::string tensor = skip_reshaping(output);
        if (const Node* node = index_.producer(tensor)) {
            if (node->is("Softmax")) head_.activation = Activation::softmax;
            if (node->is("LogSoftmax")) head_.activation = Activation::log_softmax;
            if (node->is("Sigmoid")) head_.activation = Activation::sigmoid;
            if (head_.activation != Activation::none) {
                head_.logits = node->input(0);
                tensor = skip_reshaping(head_.logits);
            } else {
                head_.logits = output;
            }
        } else {
            head_.logits = output;
        }
        read_before_activation(tensor);
        if (head_.kind == HeadKind::other) head_.pool = Pool::none;
        return head_;
    }

private:
    bool is_variable(const std::string& tensor) const { return variable_.contains(tensor); }

    /// The number a constant of one element holds.
    std::optional<float> scalar(const std::string& tensor) const {
        const Tensor* constant = graph_.find_constant(tensor);
        if (constant == nullptr || constant->size() != 1) return std::nullopt;
        return static_cast<float>(first_number(*constant));
    }

    /// Back over the operators that only move values about. Between the pool and the scores each item is a vector, so
    /// that a Transpose keeps its order too; a wrong guess does not survive the verification.
    std::string skip_reshaping(std::string tensor) {
        static const auto passes = {"Identity", "Dropout",   "Flatten", "Reshape",
                                    "Squeeze",  "Unsqueeze", "Cast",    "Transpose"};
        while (const Node* node = index_.producer(tensor)) {
            const bool pass =
                std::any_of(passes.begin(), passes.end(), [&](const char* type) { return node->is(type); });
            if (pass) {
                tensor = node->input(0);
            } else if (const auto quantize = quantized_source(*node)) {
                head_.quantized = true;
                tensor = *quantize;
            } else {
                break;
            }
        }
        return tensor;
    }

    /// For a DequantizeLinear that reads a QuantizeLinear: what that quantizes.
    std::optional<std::string> quantized_source(const Node& node) const {
        if (node.op_type != "DequantizeLinear") return std::nullopt;
        const Node* quantize = index_.producer(node.input(0));
        if (quantize == nullptr || quantize->op_type != "QuantizeLinear" || !is_variable(quantize->input(0)))
            return std::nullopt;
        return quantize->input(0);
    }

    void read_before_activation(const std::string& tensor) {
        const ClassifierHead before = head_;
        read_one_layer(tensor);
        if (head_.kind != HeadKind::other) return;
        const std::string reason = head_.reason;
        head_ = before;
        head_.chain = find_linear_chain(graph_, index_, tensor,
                                        {.is_variable = [&](const std::string& t) { return is_variable(t); },
                                         .skip_reshaping = [&](const std::string& t) { return skip_reshaping(t); }});
        if (head_.chain && read_pool(head_.chain->from)) {
            head_.kind = HeadKind::pool_linear;
            return;
        }
        head_ = before;
        refuse(reason);
    }

    void read_one_layer(std::string tensor) {
        std::string scores = tensor;
        tensor = skip_scaling(tensor, head_.scale);
        const float scale_behind = head_.scale;
        if (read_pool(tensor)) {
            if (scale_behind != 1.0F)
                return refuse(fmt::format("the pooled scores are multiplied by {}", scale_behind));
            head_.kind = HeadKind::class_pool;
            return;
        }
        const Node* node = index_.producer(tensor);
        if (node == nullptr)
            return refuse(fmt::format("the scores {} are not computed from a feature map", text::quote(scores)));
        std::string vector;
        if (!read_linear(*node, vector)) {
            return refuse(
                fmt::format("the scores come from {}, not from a linear layer or a global pool", node->description()));
        }
        vector = skip_reshaping(vector);
        vector = skip_scaling(vector, head_.scale);
        if (!read_pool(vector)) {
            const Node* before = index_.producer(vector);
            return refuse(fmt::format(
                "the last linear layer, {}, reads {}, not a global pool", node->description(),
                before != nullptr ? before->description() : fmt::format("the input {}", text::quote(vector))));
        }
        head_.kind = HeadKind::pool_linear;
    }

    /// Back over multiplications with a number.
    std::string skip_scaling(std::string tensor, float& scale) {
        while (const Node* node = index_.producer(tensor)) {
            if (!node->is("Mul") && !node->is("Div")) break;
            if (const auto factor = scalar(node->input(1))) {
                scale = node->is("Mul") ? scale * *factor : scale / *factor;
                tensor = skip_reshaping(node->input(0));
            } else if (const auto first = scalar(node->input(0)); first && node->is("Mul")) {
                scale *= *first;
                tensor = skip_reshaping(node->input(1));
            } else {
                break;
            }
        }
        return tensor;
    }

    bool read_linear(const Node& node, std::string& vector) {
        const float scale_behind = head_.scale;
        if (node.is("Gemm") && node.int_or("transA", 0) == 0 && !is_variable(node.input(1))) {
            vector = node.input(0);
            head_.weight = node.input(1);
            head_.weight_form = node.int_or("transB", 0) != 0 ? WeightForm::class_rows : WeightForm::class_columns;
            head_.scale *= node.float_or("alpha", 1.0F);
            head_.bias = node.input(2);
            head_.bias_scale = scale_behind * node.float_or("beta", 1.0F);
            return true;
        }
        if (node.is("MatMul") && !is_variable(node.input(1))) {
            vector = node.input(0);
            head_.weight = node.input(1);
            head_.weight_form = WeightForm::class_columns;
            return true;
        }
        if (node.is("Conv") && !is_variable(node.input(1)) && is_pointwise(graph_, node)) {
            vector = node.input(0);
            head_.weight = node.input(1);
            head_.weight_form = WeightForm::class_rows;
            head_.bias = node.input(2);
            head_.bias_scale = scale_behind;
            return true;
        }
        if (node.is("Add")) {
            for (const std::size_t data : {0U, 1U}) {
                const std::string& constant = node.input(1 - data);
                const Node* product = index_.producer(skip_reshaping(node.input(data)));
                if (is_variable(constant) || product == nullptr || product->is("Add")) continue;
                if (read_linear(*product, vector) && head_.bias.empty()) {
                    head_.bias = constant;
                    head_.bias_scale = scale_behind;
                    return true;
                }
            }
        }
        return false;
    }

    static bool all(const std::vector<std::int64_t>& values, std::int64_t value) {
        return std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == value; });
    }

    bool read_pool(const std::string& pooled) {
        const Node* node = index_.producer(pooled);
        if (node == nullptr) return false;
        head_.pooled = pooled;
        head_.layout = FeatureLayout::channels_first;
        head_.pool = pool_of(*node);
        if (head_.pool == Pool::none) return false;
        head_.target_layer = node->input(0);
        if (node->op_type.starts_with("Reduce")) return read_reduction(*node);
        if (node->is("AveragePool") || node->is("MaxPool")) {
            // Over the whole map or not: the verification tells, as sizes may only be known when the network runs.
            return all(node->ints_or("pads", {}), 0) && node->output(1).empty();
        }
        return true;
    }

    bool read_reduction(const Node& node) {
        auto over = reduced_axes(graph_, node);
        if (!over) return false;
        if (over->size() == 1) {
            const Node* before = index_.producer(node.input(0));
            if (before != nullptr && before->op_type.starts_with("Reduce")) {
                if (before->op_type != node.op_type) return false;  // the mean of maxima is no pool
                over = axes_of_both(*before, node);
                if (!over) return false;
                head_.target_layer = before->input(0);
            }
        }
        using Axes = std::vector<std::int64_t>;
        if (over->size() == 2) {  // of a map: [n, K, h, w] or [n, h, w, K]
            for (std::int64_t& axis : *over) axis += axis < 0 ? 4 : 0;
            std::sort(over->begin(), over->end());
            if (*over != Axes{2, 3} && *over != Axes{1, 2}) return false;
            head_.layout = *over == Axes{2, 3} ? FeatureLayout::channels_first : FeatureLayout::channels_last;
        } else if (*over == Axes{1} || *over == Axes{-2}) {
            head_.layout = FeatureLayout::tokens;
        } else if (*over == Axes{2} || *over == Axes{-1}) {
            head_.layout = FeatureLayout::channels_first;  // [n, K, positions]
        } else {
            return false;
        }
        skip_flattened_positions();
        return true;
    }

    /// The axes of a map that two reductions, one after the other, go over.
    std::optional<std::vector<std::int64_t>> axes_of_both(const Node& first, const Node& second) const {
        const auto one = reduced_axes(graph_, first), other = reduced_axes(graph_, second);
        if (!one || one->size() != 1) return std::nullopt;
        const bool keeps = first.int_or("keepdims", 1) != 0;
        const std::int64_t a = one->front() + (one->front() < 0 ? 4 : 0);
        std::int64_t b = other->front() + (other->front() >= 0 ? 0 : keeps ? 4 : 3);
        if (!keeps && b >= a) ++b;
        return std::vector{a, b};
    }

    /// Positions that were laid in one row just before the pool: the map is the tensor before that, where rows and
    /// columns stand.
    void skip_flattened_positions() {
        const Node* node = index_.producer(head_.target_layer);
        if (node == nullptr) return;
        if (head_.layout == FeatureLayout::tokens && node->is("Transpose") &&
            node->ints_or("perm", {}) == std::vector<std::int64_t>{0, 2, 1}) {
            const Node* before = index_.producer(node->input(0));
            if (before != nullptr && before->is("Reshape")) {
                head_.layout = FeatureLayout::channels_first;
                head_.target_layer = before->input(0);
            }
        } else if (head_.layout == FeatureLayout::channels_first && node->is("Reshape")) {
            if (const Tensor* shape = graph_.find_constant(node->input(1)); shape != nullptr && shape->size() == 3) {
                head_.target_layer = node->input(0);
            }
        }
    }

    void refuse(std::string reason) {
        head_.kind = HeadKind::other;
        head_.target_layer.clear();
        head_.reason = std::move(reason);
    }

    const Graph& graph_;
    Index index_;
    std::unordered_set<std::string> variable_;  // tensors that depend on the graph's inputs
    ClassifierHead head_;
};

std::string list_names(const std::vector<ValueInfo>& infos) {
    std::vector<std::string> names;
    for (const auto& info : infos) names.push_back(text::quote(info.name));
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string_view name(HeadKind kind) {
    switch (kind) {
        case HeadKind::pool_linear:
            return "global pool, linear layer";
        case HeadKind::class_pool:
            return "a channel for each class, global pool";
        case HeadKind::other:
            break;
    }
    return "other";
}

std::string_view name(Pool pool) {
    switch (pool) {
        case Pool::mean:
            return "mean";
        case Pool::max:
            return "max";
        case Pool::sum:
            return "sum";
        case Pool::none:
            break;
    }
    return "none";
}

std::string_view name(Activation activation) {
    switch (activation) {
        case Activation::softmax:
            return "softmax";
        case Activation::log_softmax:
            return "log_softmax";
        case Activation::sigmoid:
            return "sigmoid";
        case Activation::none:
            break;
    }
    return "none";
}

ClassifierHead find_head(const Model& model, const std::string& output) {
    const auto& outputs = model.graph.outputs;
    if (outputs.empty()) throw Error(ErrorKind::model, "the model has no outputs");
    HeadReader reader(model);
    std::string scores = output;
    if (output.empty()) {
        const std::vector<std::string> names = score_outputs(model);
        scores = names.empty() ? outputs.front().name : names.front();
    } else if (model.graph.find_output(output) == nullptr && !reader.computes(output)) {
        throw Error(ErrorKind::usage, fmt::format("the model has no output {}; its outputs are {}", text::quote(output),
                                                  list_names(outputs)));
    }
    require_scores(model, scores);
    return reader.read(scores);
}

const ValueInfo& find_image_input(const Graph& graph, const std::string& wanted, const std::vector<std::string>& fed) {
    if (!wanted.empty()) {
        if (const ValueInfo* found = graph.find_input(wanted)) return *found;
        throw Error(ErrorKind::usage, fmt::format("the model has no input {}; its inputs are {}", text::quote(wanted),
                                                  list_names(graph.inputs)));
    }
    if (graph.inputs.size() == 1) return graph.inputs.front();
    std::vector<const ValueInfo*> candidates;
    for (const auto& input : graph.inputs) {
        const bool is_fed = std::find(fed.begin(), fed.end(), input.name) != fed.end();
        if (!is_fed && input.shape && input.shape->size() == 4) candidates.push_back(&input);
    }
    if (candidates.size() == 1) return *candidates.front();
    throw Error(ErrorKind::usage,
                graph.inputs.empty()
                    ? std::string("the model has no inputs")
                    : fmt::format("the model has {} inputs, {}: say with --input which one takes the image",
                                  graph.inputs.size(), list_names(graph.inputs)));
}

}  // namespace locus::model
