#include "model/linear_layer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace locus::model {
namespace {

const Tensor columns = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});  // [from, to]
const Tensor rows = Tensor::of<float>({2, 3}, {1, 3, 5, 2, 4, 6});     // the same as [to, from]
const Tensor bias = Tensor::of<float>({2}, {7, 8});

Graph graph_of(std::vector<Node> nodes) {
    Graph graph;
    graph.nodes = std::move(nodes);
    graph.inputs = {{.name = "x"}};
    graph.outputs = {{.name = "y"}};
    graph.initializers = {{"columns", columns},
                          {"rows", rows},
                          {"bias", bias},
                          {"row", bias.reshaped({1, 2})},
                          {"number", Tensor::of<float>({1}, {1})}};
    return graph;
}

std::optional<LinearLayer> layer_of(const Graph& graph) { return linear_layer_behind(graph, Index(graph), "y"); }

TEST(LinearLayer, IsRecognisedHoweverItIsSpelt) {
    using Nodes = std::vector<Node>;
    const std::vector<std::pair<const char*, Nodes>> spellings{
        {"Gemm", {{.op_type = "Gemm", .inputs = {"x", "columns", "bias"}, .outputs = {"y"}}}},
        {"Gemm with transB",
         {{.op_type = "Gemm",
           .inputs = {"x", "rows", "row"},
           .outputs = {"y"},
           .attributes = {{"transB", std::int64_t{1}}}}}},
        {"MatMul and Add",
         {{.op_type = "MatMul", .inputs = {"x", "columns"}, .outputs = {"product"}},
          {.op_type = "Add", .inputs = {"product", "bias"}, .outputs = {"y"}}}},
        {"Add, the bias first",
         {{.op_type = "MatMul", .inputs = {"x", "columns"}, .outputs = {"product"}},
          {.op_type = "Add", .inputs = {"bias", "product"}, .outputs = {"y"}}}},
    };
    for (const auto& [name, nodes] : spellings) {
        const auto layer = layer_of(graph_of(nodes));
        ASSERT_TRUE(layer) << name;
        EXPECT_EQ(layer->input, "x") << name;
        EXPECT_EQ(layer->from, 3) << name;
        EXPECT_EQ(layer->to, 2) << name;
        const Tensor weights = layer->weights_by_input();
        EXPECT_EQ(weights.shape(), (Shape{3, 2})) << name;
        EXPECT_TRUE(std::ranges::equal(weights.values<float>(), columns.values<float>())) << name;
        EXPECT_TRUE(std::ranges::equal(layer->bias.values<float>(), bias.values<float>())) << name;
    }
}

TEST(LinearLayer, WithoutABiasHasZeros) {
    const auto layer = layer_of(graph_of({{.op_type = "MatMul", .inputs = {"x", "columns"}, .outputs = {"y"}}}));
    ASSERT_TRUE(layer);
    EXPECT_EQ(layer->bias.shape(), (Shape{2}));
    EXPECT_EQ(layer->bias.values<float>()[0], 0);
}

TEST(LinearLayer, OtherFormsAreNone) {
    const std::vector<std::pair<const char*, Node>> others{
        {"factor", {.op_type = "Gemm", .inputs = {"x", "columns"}, .outputs = {"y"}, .attributes = {{"alpha", 2.0F}}}},
        {"turned vector",
         {.op_type = "Gemm", .inputs = {"x", "rows"}, .outputs = {"y"}, .attributes = {{"transA", std::int64_t{1}}}}},
        {"one number for all", {.op_type = "Gemm", .inputs = {"x", "columns", "number"}, .outputs = {"y"}}},
        {"two variables", {.op_type = "MatMul", .inputs = {"x", "x"}, .outputs = {"y"}}},
        {"something else", {.op_type = "Relu", .inputs = {"x"}, .outputs = {"y"}}},
    };
    for (const auto& [name, node] : others) EXPECT_FALSE(layer_of(graph_of({node}))) << name;
}

}  // namespace
}  // namespace locus::model
