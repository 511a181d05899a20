#include "model/global_pool.hpp"

#include <gtest/gtest.h>

namespace locus::model {
namespace {

using Axes = std::vector<std::int64_t>;

Node windows(const char* type, const Axes& kernel, const Axes& pads = {}) {
    Node node{.op_type = type, .inputs = {"x"}, .outputs = {"y"}, .attributes = {{"kernel_shape", kernel}}};
    if (!pads.empty()) node.attributes.emplace("pads", pads);
    return node;
}

TEST(GlobalPool, OfWindowsIsOneThatCoversTheMapAndNoMore) {
    const Graph none;
    const Shape map{1, 4, 3, 5};
    EXPECT_EQ(fully_pooled_axes(none, windows("MaxPool", {3, 5}), map), (Axes{2, 3}));
    EXPECT_EQ(fully_pooled_axes(none, windows("AveragePool", {3, 5}, {0, 0, 0, 0}), map), (Axes{2, 3}));
    EXPECT_EQ(fully_pooled_axes(none, windows("MaxPool", {2, 4}), map),
              Axes{});  // makes one value a channel, of a part
    EXPECT_EQ(fully_pooled_axes(none, windows("AveragePool", {3, 5}, {0, 0, 1, 1}), map), Axes{});
}

TEST(GlobalPool, OfOtherOperatorsHasTheirAxes) {
    Graph graph;
    graph.initializers.emplace("axes", Tensor::of<std::int64_t>({2}, {-1, 2}));
    const Shape map{1, 4, 3, 5};
    const Node global{.op_type = "GlobalMaxPool", .inputs = {"x"}, .outputs = {"y"}};
    const Node written{
        .op_type = "ReduceMean", .inputs = {"x"}, .outputs = {"y"}, .attributes = {{"axes", Axes{1, 2}}}};
    const Node given{.op_type = "ReduceSum", .inputs = {"x", "axes"}, .outputs = {"y"}};
    const Node relu{.op_type = "Relu", .inputs = {"x"}, .outputs = {"y"}};
    EXPECT_EQ(fully_pooled_axes(graph, global, map), (Axes{2, 3}));
    EXPECT_EQ(fully_pooled_axes(graph, written, map), (Axes{1, 2}));
    EXPECT_EQ(fully_pooled_axes(graph, given, map), (Axes{2, 3}));
    EXPECT_EQ(fully_pooled_axes(graph, relu, map), Axes{});
    EXPECT_EQ(pool_of(given), Pool::sum);
    EXPECT_EQ(pool_of(relu), Pool::none);
}

}  // namespace
}  // namespace locus::model
