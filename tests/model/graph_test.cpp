#include "model/graph.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"

namespace model = locus::model;
using locus::Tensor;
using locus::test::error_of;
using model::Graph;
using model::Index;
using model::Node;
using model::NodeWriter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

namespace {

Node node(std::string type, std::vector<std::string> inputs, std::vector<std::string> outputs) {
    Node made;
    made.op_type = std::move(type);
    made.inputs = std::move(inputs);
    made.outputs = std::move(outputs);
    return made;
}

model::ValueInfo port(std::string name) {
    model::ValueInfo info;
    info.name = std::move(name);
    return info;
}

/// x -> conv -> relu -> pool -> logits, with a side branch that nothing needs.
Graph chain() {
    Graph graph;
    graph.inputs = {port("x")};
    graph.outputs = {port("logits")};
    graph.nodes = {node("Conv", {"x", "w"}, {"conv"}),        node("Relu", {"conv"}, {"relu"}),
                   node("Neg", {"conv"}, {"side"}),           node("GlobalAveragePool", {"relu"}, {"pool"}),
                   node("Mul", {"pool", "pool"}, {"square"}), node("Gemm", {"square", "fc", ""}, {"logits"})};
    graph.initializers = {{"w", Tensor()}, {"fc", Tensor()}, {"spare", Tensor()}};
    graph.value_infos = {port("conv"), port("side"), port("nowhere")};
    return graph;
}

std::vector<std::string> first_outputs(const Graph& graph) {
    std::vector<std::string> names;
    for (const Node& n : graph.nodes) names.push_back(n.output(0));
    return names;
}

std::vector<std::string> names(const std::vector<model::ValueInfo>& infos) {
    std::vector<std::string> list;
    for (const auto& info : infos) list.push_back(info.name);
    return list;
}

}  // namespace

TEST(Node, AttributesHaveTypes) {
    Node n = node("Conv", {"x"}, {"y"});
    n.attributes = {{"group", std::int64_t{2}},
                    {"alpha", 0.5F},
                    {"auto_pad", std::string("SAME_UPPER")},
                    {"pads", std::vector<std::int64_t>{1, 2}},
                    {"scales", std::vector<float>{1, 2.5F}}};
    EXPECT_EQ(n.int_or("group", 1), 2);
    EXPECT_EQ(n.int_or("absent", 7), 7);
    EXPECT_EQ(n.float_or("alpha", 0), 0.5F);
    EXPECT_EQ(n.string_or("auto_pad", ""), "SAME_UPPER");
    EXPECT_THAT(n.ints_or("pads", {}), ElementsAre(1, 2));
    EXPECT_THAT(n.floats_or("scales", {}), ElementsAre(1, 2.5F));
    EXPECT_THAT(n.floats_or("absent", {3}), ElementsAre(3));
    EXPECT_THAT(error_of([&] { (void)n.floats_or("pads", {}); }), HasSubstr("not a list of floating-point numbers"));
    EXPECT_TRUE(n.has("pads"));
    EXPECT_THAT(error_of([&] { (void)n.int_or("alpha", 0); }),
                HasSubstr("attribute 'alpha' of node 'Conv' that makes 'y' is not an integer"));
    EXPECT_EQ(n.input(5), "");
    n.domain = "com.example";
    EXPECT_FALSE(n.is("Conv"));
}

TEST(Index, KnowsWhoMakesAndWhoReads) {
    const Graph graph = chain();
    const Index index(graph);
    EXPECT_EQ(index.producer("relu"), &graph.nodes[1]);
    EXPECT_EQ(index.producer("x"), nullptr);
    EXPECT_EQ(index.producer(""), nullptr);
    EXPECT_THAT(index.consumers("conv"), ElementsAre(&graph.nodes[1], &graph.nodes[2]));
    EXPECT_THAT(index.consumers("pool"), ElementsAre(&graph.nodes[4]));  // reads it twice, is listed once
    EXPECT_THAT(index.consumers("logits"), IsEmpty());
    EXPECT_THAT(index.consumers(""), IsEmpty());
    for (const char* there : {"x", "w", "conv"}) EXPECT_TRUE(index.contains(there)) << there;
    for (const char* not_there : {"", "nowhere"}) EXPECT_FALSE(index.contains(not_there)) << not_there;
}

TEST(Index, FollowsTensorsBothWays) {
    const Graph graph = chain();
    const Index index(graph);
    EXPECT_THAT(index.ancestors("relu"), UnorderedElementsAre("relu", "conv", "x", "w"));
    EXPECT_THAT(index.descendants("relu"), UnorderedElementsAre("relu", "pool", "square", "logits"));
    EXPECT_THAT(index.ancestors("x"), UnorderedElementsAre("x"));
}

TEST(Index, SuggestsNamesOfTensors) {
    const Graph graph = chain();
    EXPECT_THAT(Index(graph).nearest_names("relo", 1), ElementsAre("relu"));
    EXPECT_EQ(Index(graph).nearest_names("relo").size(), 3U);
}

TEST(NodeWriter, NewNamesCollideWithNothing) {
    Graph graph = chain();
    graph.nodes.push_back(node("Relu", {"x"}, {"locus/Relu_0"}));
    NodeWriter write(graph, "locus");
    const std::string relu = write.node("Relu", {"x"});
    EXPECT_EQ(relu, "locus/Relu_1");
    const std::string scale = write.constant(Tensor::scalar(2.0F));
    const std::string axes = write.constant({2, 3});
    EXPECT_NE(scale, axes);
    EXPECT_THAT(graph.find_constant(axes)->to_int64s(), ElementsAre(2, 3));
    const auto top = write.node_with_outputs("TopK", {relu, scale}, 2, {{"axis", std::int64_t{1}}});
    ASSERT_EQ(top.size(), 2U);
    EXPECT_NE(top[0], top[1]);
    EXPECT_EQ(graph.nodes.back().outputs, top);
    EXPECT_EQ(graph.nodes.back().int_or("axis", 0), 1);
    // A second writer goes on where the first stopped.
    EXPECT_EQ(NodeWriter(graph, "locus").node("Relu", {"x"}), "locus/Relu_2");
}

TEST(RemoveUnused, LeavesWhatOutputsNeed) {
    Graph graph = chain();
    model::remove_unused(graph);
    EXPECT_THAT(first_outputs(graph), ElementsAre("conv", "relu", "pool", "square", "logits"));
    EXPECT_EQ(graph.find_constant("spare"), nullptr);
    EXPECT_TRUE(graph.find_constant("fc"));
    EXPECT_THAT(names(graph.value_infos), ElementsAre("conv"));
    graph.outputs.clear();
    model::remove_unused(graph);
    EXPECT_THAT(graph.nodes, IsEmpty());
    EXPECT_THAT(names(graph.inputs), ElementsAre("x"));
}

TEST(Extract, TakesThePartBetween) {
    const Graph head = model::extract(chain(), {"relu"}, {"logits"});
    EXPECT_THAT(first_outputs(head), ElementsAre("pool", "square", "logits"));
    EXPECT_THAT(names(head.inputs), ElementsAre("relu"));
    EXPECT_EQ(head.find_constant("w"), nullptr);
    const Graph trunk = model::extract(chain(), {"x"}, {"relu", "side"});
    EXPECT_THAT(first_outputs(trunk), ElementsAre("conv", "relu", "side"));
    EXPECT_THAT(names(trunk.outputs), ElementsAre("relu", "side"));
}

TEST(Extract, KeepsOtherInputsThatAreNeeded) {
    Graph graph = chain();
    graph.nodes.push_back(node("Mul", {"relu", "conv"}, {"product"}));
    const Graph part = model::extract(graph, {"relu"}, {"product"});
    EXPECT_THAT(names(part.inputs), ElementsAre("relu", "x"));
    EXPECT_THAT(first_outputs(part), ElementsAre("conv", "product"));
}

TEST(Extract, NamesWhatDoesNotExist) {
    EXPECT_THAT(error_of([] { model::extract(chain(), {"x"}, {"relo"}); }),
                HasSubstr("no tensor named 'relo'; did you mean 'relu'"));
    EXPECT_THAT(error_of([] { model::extract(chain(), {"y"}, {"relu"}); }), HasSubstr("no tensor named 'y'"));
}

TEST(SortTopologically, KeepsTheGivenOrderWhereItCan) {
    Graph graph = chain();
    model::sort_topologically(graph);
    EXPECT_EQ(first_outputs(graph), first_outputs(chain()));
    std::swap(graph.nodes[0], graph.nodes[5]);
    model::sort_topologically(graph);
    EXPECT_THAT(first_outputs(graph), ElementsAre("conv", "relu", "side", "pool", "square", "logits"));
}

TEST(SortTopologically, RefusesCyclesAndMissingTensors) {
    Graph graph = chain();
    graph.nodes[0].inputs[1] = "square";
    EXPECT_THAT(error_of([&] { model::sort_topologically(graph); }), HasSubstr("cycle"));
    graph.nodes[0].inputs[1] = "nothing";
    EXPECT_THAT(error_of([&] { model::sort_topologically(graph); }),
                HasSubstr("reads tensor 'nothing', which nothing makes"));
}

TEST(Model, OpsetOfAModelThatSaysNone) {
    model::Model m;
    m.opsets = {{"com.example", 1}};
    EXPECT_THAT(error_of([&] { (void)m.opset(); }), HasSubstr("standard operator set"));
}
