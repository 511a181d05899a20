#include "explain/feature_layout.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace locus::explain {
namespace {

using model::FeatureLayout;
using model::Node;

bool keeps_layout(const Node& node) {
    static const std::set<std::string_view> elementwise{"Add",
                                                        "Sub",
                                                        "Mul",
                                                        "Div",
                                                        "Relu",
                                                        "LeakyRelu",
                                                        "PRelu",
                                                        "Elu",
                                                        "Selu",
                                                        "Clip",
                                                        "Sigmoid",
                                                        "HardSigmoid",
                                                        "Mish",
                                                        "HardSwish",
                                                        "Tanh",
                                                        "Softplus",
                                                        "Erf",
                                                        "Gelu",
                                                        "Pow",
                                                        "Identity",
                                                        "Cast",
                                                        "Dropout",
                                                        "Sqrt",
                                                        "QuantizeLinear",
                                                        "DequantizeLinear",
                                                        "QuickGelu",
                                                        "Neg",
                                                        "Abs",
                                                        "Exp",
                                                        "Max",
                                                        "Min",
                                                        "Where"};
    return elementwise.contains(node.op_type);
}

/// What an operator says of a tensor beside it, as producer or consumer.
std::optional<FeatureLayout> evidence(const model::Shapes& shapes, const Node& node, bool is_output) {
    static const std::set<std::string_view> channels_first{"Conv",
                                                           "ConvTranspose",
                                                           "MaxPool",
                                                           "AveragePool",
                                                           "GlobalMaxPool",
                                                           "GlobalAveragePool",
                                                           "BatchNormalization",
                                                           "InstanceNormalization",
                                                           "LRN",
                                                           "GroupNormalization",
                                                           "DepthToSpace",
                                                           "SpaceToDepth"};
    if (channels_first.contains(node.op_type)) return FeatureLayout::channels_first;
    if (node.is("LayerNormalization") && node.input(0) != "") return FeatureLayout::channels_last;
    if (node.is("MatMul") && shapes.contains(node.input(1)) && shapes.rank(node.input(1)) == 2)
        return FeatureLayout::channels_last;
    if (node.is("Transpose")) {
        const auto order = node.ints_or("perm", {});
        if (order == std::vector<std::int64_t>{0, 2, 3, 1})
            return is_output ? FeatureLayout::channels_last : FeatureLayout::channels_first;
        if (order == std::vector<std::int64_t>{0, 3, 1, 2})
            return is_output ? FeatureLayout::channels_first : FeatureLayout::channels_last;
    }
    if ((node.is("ReduceMean") || node.is("ReduceMax") || node.is("ReduceSum")) && !is_output) {
        auto axes = node.ints_or("axes", {});
        if (const Tensor* constant = shapes.value(node.input(1))) axes = constant->to_int64s();
        for (auto& axis : axes) axis = axis < 0 ? axis + 4 : axis;
        std::sort(axes.begin(), axes.end());
        using Axes = std::vector<std::int64_t>;
        if (axes == Axes{1, 2} || axes == Axes{3}) return FeatureLayout::channels_last;
        if (axes == Axes{2, 3} || axes == Axes{1}) return FeatureLayout::channels_first;
    }
    if (node.is("Concat")) {
        const auto axis = node.int_or("axis", 0);
        if (axis == 1) return FeatureLayout::channels_first;
        if (axis == 3 || axis == -1) return FeatureLayout::channels_last;
    }
    return std::nullopt;
}

}  // namespace

FeatureLayout layout_of(const model::Index& index, const model::Shapes& shapes, const std::string& tensor) {
    const Shape shape = shapes.shape(tensor);
    std::vector<std::string> front{tensor};
    std::unordered_set<std::string> seen{tensor};
    for (int distance = 0; distance < 12 && !front.empty(); ++distance) {
        std::vector<std::string> next;
        for (const std::string& at : front) {
            const auto visit = [&](const Node& node) {
                if (!keeps_layout(node)) return;
                for (const auto* names : {&node.inputs, &node.outputs}) {
                    for (const std::string& name : *names) {
                        const bool same_shape = shapes.contains(name) && shapes.shape(name) == shape;
                        if (same_shape && seen.insert(name).second) next.push_back(name);
                    }
                }
            };
            if (const Node* producer = index.producer(at)) {
                if (const auto told = evidence(shapes, *producer, true)) return *told;
                visit(*producer);
            }
            for (const Node* consumer : index.consumers(at)) {
                if (consumer->input(0) == at || !consumer->is("Conv")) {
                    if (const auto told = evidence(shapes, *consumer, false)) return *told;
                }
                visit(*consumer);
            }
        }
        front = std::move(next);
    }
    const bool like_last = shape[1] == shape[2] && shape[3] != shape[1];
    return like_last ? FeatureLayout::channels_last : FeatureLayout::channels_first;
}

}  // namespace locus::explain
