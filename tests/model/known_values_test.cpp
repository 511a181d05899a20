// Numbers that a graph computes from its constants, worked out without running it.

#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <optional>
#include <vector>

#include "model/shapes.hpp"

namespace locus::model {
namespace {

/// What a node of two inputs (or one, where `b` is empty) makes of them, as float32.
std::vector<float> evaluated(const std::string& op_type, DataType from, DataType to, const Tensor& a,
                             const std::optional<Tensor>& b = std::nullopt) {
    Node node;
    node.op_type = op_type;
    node.inputs = {"a"};
    node.outputs = {"y"};
    KnownTensors known{{"a", {from, a.shape(), a.to(from)}}};
    if (b) {
        node.inputs.emplace_back("b");
        known["b"] = {from, b->shape(), b->to(from)};
    }
    const auto value = evaluate_node(node, 17, known, {to, a.shape(), {}});
    if (!value) return {};
    EXPECT_EQ(value->type(), to);
    const Tensor floats = value->to_float32();
    return {floats.values<float>().begin(), floats.values<float>().end()};
}

std::vector<float> rounded(std::initializer_list<float> values, DataType type) {
    const Tensor floats = Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values).to(type).to_float32();
    return {floats.values<float>().begin(), floats.values<float>().end()};
}

/// Weights that are cast or scaled to half precision: their fractions are not cut off.
TEST(KnownValues, HalvesKeepTheirFractions) {
    const Tensor weights = Tensor::of<float>({4}, {0.3F, -0.7F, 1.9F, -2.2F});
    for (const DataType type : {DataType::float16, DataType::bfloat16}) {
        const auto expected = rounded({0.3F, -0.7F, 1.9F, -2.2F}, type);
        EXPECT_EQ(evaluated("Cast", DataType::float32, type, weights), expected) << name(type);
        const auto threes = Tensor::of<float>({1}, {3});
        std::vector<float> thirds;
        for (const float value : expected) thirds.push_back(rounded({value / 3}, type)[0]);
        EXPECT_EQ(evaluated("Div", type, type, weights, threes), thirds) << name(type);
    }
}

TEST(KnownValues, IntegersAreCutOff) {
    const Tensor numbers = Tensor::of<float>({4}, {1.7F, -1.7F, 7, -7});
    EXPECT_EQ(evaluated("Cast", DataType::float32, DataType::int32, numbers), (std::vector<float>{1, -1, 7, -7}));
    EXPECT_EQ(evaluated("Cast", DataType::float32, DataType::boolean, numbers), (std::vector<float>{1, 1, 1, 1}));
    EXPECT_EQ(evaluated("Div", DataType::int64, DataType::int64, Tensor::of<float>({2}, {7, -7}),
                        Tensor::of<float>({1}, {2})),
              (std::vector<float>{3, -3}));
}

}  // namespace
}  // namespace locus::model
