// Operators that work element by element, or keep the shape for another reason.

#include "model/shape_rules/rule.hpp"

namespace locus::model::shape_rules {
namespace {

void same(Inference& n) { n.out(n.shape()); }
void to_bool(Inference& n) { n.out(0, DataType::boolean, n.shape()); }

void elementwise(Inference& n) {
    Shape shape = n.shape();
    for (std::size_t i = 1; i < n.node.inputs.size(); ++i) shape = broadcast(shape, n.shape(i));
    n.out(std::move(shape));
}

void comparison(Inference& n) { n.out(0, DataType::boolean, broadcast(n.shape(0), n.shape(1))); }
void where(Inference& n) { n.out(0, n.in(1).type, broadcast(n.shape(0), broadcast(n.shape(1), n.shape(2)))); }

void dropout(Inference& n) {
    n.out(n.shape());
    n.out(1, n.opset >= 10 ? DataType::boolean : n.in(0).type, n.shape());
}

/// Scale, bias, mean and variance are one number a channel each.
void batch_normalization(Inference& n) {
    const bool by_position = n.opset < 9 && n.node.int_or("spatial", 1) == 0;
    const Shape one_each{n.rank() < 2 ? 1 : n.shape()[1]};
    for (std::size_t i = 1; i <= 4 && !by_position; ++i) {
        const auto found = n.known.find(n.node.input(i));
        if (n.has(i) && found != n.known.end() && found->second.shape != one_each) throw Unknown{};
    }
    n.out(n.shape());
}

void layer_normalization(Inference& n) {
    n.out(n.shape());
    Shape reduced = n.shape();
    for (auto i = n.axis(n.node.int_or("axis", -1), n.rank()); i < n.rank(); ++i) reduced[i] = 1;
    n.out(1, DataType::float32, reduced);
    n.out(2, DataType::float32, reduced);
}

void cast(Inference& n) { n.out(0, static_cast<DataType>(n.node.int_or("to", 1)), n.shape()); }
void cast_like(Inference& n) { n.out(0, n.in(1).type, n.shape()); }

void quantize(Inference& n) {
    n.out(0, n.has(2) ? n.in(2).type : static_cast<DataType>(n.node.int_or("output_dtype", 2)), n.shape());
}

void dequantize(Inference& n) { n.out(0, n.in(1).type, n.shape()); }

}  // namespace

const RuleTable& elementwise_rules() {
    static const RuleTable table{
        {"ScatterND", same},
        {"ScatterElements", same},
        {"Scatter", same},
        {"Relu", same},
        {"LeakyRelu", same},
        {"Elu", same},
        {"Selu", same},
        {"Celu", same},
        {"ThresholdedRelu", same},
        {"Clip", same},
        {"Sigmoid", same},
        {"HardSigmoid", same},
        {"HardSwish", same},
        {"Mish", same},
        {"Swish", same},
        {"Tanh", same},
        {"Softplus", same},
        {"Softsign", same},
        {"Erf", same},
        {"Gelu", same},
        {"Exp", same},
        {"Log", same},
        {"Sqrt", same},
        {"Reciprocal", same},
        {"Abs", same},
        {"Neg", same},
        {"Sign", same},
        {"Floor", same},
        {"Ceil", same},
        {"Round", same},
        {"Sin", same},
        {"Cos", same},
        {"Tan", same},
        {"Asin", same},
        {"Acos", same},
        {"Atan", same},
        {"Sinh", same},
        {"Cosh", same},
        {"Asinh", same},
        {"Acosh", same},
        {"Atanh", same},
        {"Softmax", same},
        {"LogSoftmax", same},
        {"Hardmax", same},
        {"Identity", same},
        {"InstanceNormalization", same},
        {"GroupNormalization", same},
        {"LRN", same},
        {"LpNormalization", same},
        {"MeanVarianceNormalization", same},
        {"Not", same},
        {"CumSum", same},
        {"Trilu", same},
        {"PRelu", same},
        {"RMSNormalization", same},
        {"IsNaN", to_bool},
        {"IsInf", to_bool},
        {"Add", elementwise},
        {"Sub", elementwise},
        {"Mul", elementwise},
        {"Div", elementwise},
        {"Pow", elementwise},
        {"Mod", elementwise},
        {"Min", elementwise},
        {"Max", elementwise},
        {"Sum", elementwise},
        {"Mean", elementwise},
        {"Equal", comparison},
        {"Greater", comparison},
        {"Less", comparison},
        {"GreaterOrEqual", comparison},
        {"LessOrEqual", comparison},
        {"And", comparison},
        {"Or", comparison},
        {"Xor", comparison},
        {"Where", where},
        {"Dropout", dropout},
        {"BatchNormalization", batch_normalization},
        {"LayerNormalization", layer_normalization},
        {"Cast", cast},
        {"CastLike", cast_like},
        {"QuantizeLinear", quantize},
        {"DequantizeLinear", dequantize},
    };
    return table;
}

}  // namespace locus::model::shape_rules
