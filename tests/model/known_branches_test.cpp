#include "model/known_branches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/wire.hpp"
#include "runtime/session.hpp"

namespace model = locus::model;
namespace wire = locus::test::wire;
using locus::Tensor;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {

std::string ints(std::string_view name, std::initializer_list<std::int64_t> values) {
    return wire::graph_initializer(
        wire::tensor(name, 7, {static_cast<std::int64_t>(values.size())}, wire::raw_data(wire::raw(values))));
}

std::string boolean(std::string_view name, bool value) {
    return wire::graph_initializer(wire::tensor(name, 9, {1}, wire::raw_data(std::string(1, value ? '\1' : '\0'))));
}

/// GraphProto of one output.
std::string branch(std::initializer_list<std::string> nodes, std::string_view output, const std::string& rest = "") {
    std::string graph = wire::bytes(2, "branch") + wire::graph_output(output) + rest;
    for (const std::string& node : nodes) graph += wire::graph_node(node);
    return graph;
}

std::string choice(std::string_view condition, const std::string& then, const std::string& otherwise,
                   std::string_view output) {
    return wire::node("If", {condition}, {output},
                      {wire::attribute("then_branch", 5, wire::bytes(6, then)),
                       wire::attribute("else_branch", 5, wire::bytes(6, otherwise))});
}

/// y = -x where the condition holds, else |x|.
std::string negation(std::string_view condition) {
    return choice(condition, branch({wire::node("Neg", {"x"}, {"z"})}, "z"),
                  branch({wire::node("Abs", {"x"}, {"z"})}, "z"), "y");
}

/// x [n, 2] to y; the initializers one and two hold these numbers, zero and one as indices `at_0`, `at_1`.
model::Model model_of(std::initializer_list<std::string> nodes, const std::string& rest = "") {
    std::string graph = wire::graph_input("x") + wire::graph_output("y") + ints("at_0", {0}) + ints("at_1", {1}) +
                        ints("one", {1}) + ints("two", {2}) + rest;
    for (const std::string& node : nodes) graph += wire::graph_node(node);
    const std::string bytes = wire::model(graph, 8, 17);
    return model::parse(std::as_bytes(std::span(bytes)));
}

/// Of what is left, where photos come in batches of any size, or of one.
std::vector<std::string> operators(model::Model m, std::int64_t batch = -1) {
    model::take_known_branches(m, {{"x", {batch, 2}}});
    std::vector<std::string> types;
    for (const model::Node& node : m.graph.nodes) types.push_back(node.op_type);
    return types;
}

std::vector<float> run(const model::Model& m, std::initializer_list<float> x) {
    const locus::runtime::Session session(m, {.threads = 1});
    const Tensor y = session.run({{"x", Tensor::of<float>({1, 2}, x)}}, {"y"}).front();
    const auto values = y.values<float>();
    return {values.begin(), values.end()};
}

}  // namespace

TEST(KnownBranches, FollowConstants) {
    EXPECT_THAT(operators(model_of({negation("yes")}, boolean("yes", true))), ElementsAre("Neg"));
    EXPECT_THAT(operators(model_of({negation("no")}, boolean("no", false))), ElementsAre("Abs"));
}

TEST(KnownBranches, FollowSizesThatAreNotTheBatchs) {
    const std::string shape = wire::node("Shape", {"x"}, {"s"});
    const auto asked = [&](std::string_view at, std::string_view size) {
        return model_of(
            {shape, wire::node("Gather", {"s", at}, {"d"}), wire::node("Equal", {"d", size}, {"c"}), negation("c")});
    };
    EXPECT_THAT(operators(asked("at_1", "two")), ElementsAre("Neg"));  // and what the question took is gone
    EXPECT_THAT(operators(asked("at_1", "one")), ElementsAre("Abs"));
    // The batch is 2 in one of the two that shapes are worked out for, 3 in the other, and may be 1.
    EXPECT_THAT(operators(asked("at_0", "two")), ElementsAre("Shape", "Gather", "Equal", "If"));
    EXPECT_THAT(operators(asked("at_0", "one")), ElementsAre("Shape", "Gather", "Equal", "If"));
    EXPECT_THAT(operators(asked("at_0", "one"), 1), ElementsAre("Neg"));
    EXPECT_THAT(operators(asked("at_0", "two"), 1), ElementsAre("Abs"));

    const auto cut = [&](std::string_view from, std::string_view to) {
        return model_of({shape, wire::node("Slice", {"s", from, to}, {"d"}), wire::node("Equal", {"d", "two"}, {"c"}),
                         negation("c")});
    };
    EXPECT_THAT(operators(cut("at_1", "two")), ElementsAre("Neg"));
    EXPECT_THAT(operators(cut("at_0", "at_1")), ElementsAre("Shape", "Slice", "Equal", "If"));
}

TEST(KnownBranches, OfPhotosStayOpen) {
    const model::Model m =
        model_of({wire::node("ReduceMax", {"x"}, {"m"}),
                  wire::node("Cast", {"m"}, {"c"}, {wire::attribute("to", 2, wire::number(3, 9))}), negation("c")});
    EXPECT_THAT(operators(m), ElementsAre("ReduceMax", "Cast", "If"));
}

TEST(KnownBranches, KeepNamesWhereTheyCan) {
    // All branches call theirs z; one stays, and no graph around it may have that name.
    const std::string w = wire::graph_initializer(wire::tensor("w", 1, {2}, wire::raw_data(wire::raw<float>({1, 2}))));
    const std::string cast = wire::node("Cast", {"x"}, {"all"}, {wire::attribute("to", 2, wire::number(3, 9))});
    const auto with_z = [](const char* type) {
        return branch({wire::node(type, {"x"}, {"z"}), wire::node("Neg", {"z"}, {"last"})}, "last");
    };
    const std::string then =
        branch({wire::node("Add", {"x", "w"}, {"t"}), wire::node("Neg", {"t"}, {"last"})}, "last", w);
    model::Model m =
        model_of({cast, wire::node("Slice", {"all", "at_0", "at_1", "at_0"}, {"row"}),
                  wire::node("Slice", {"row", "at_0", "at_1", "at_1"}, {"c"}), choice("yes", then, with_z("Abs"), "i"),
                  choice("no", with_z("Sqrt"), with_z("Exp"), "j"), choice("yes", with_z("Relu"), with_z("Sqrt"), "k"),
                  choice("c", with_z("Exp"), with_z("Abs"), "l"), wire::node("Sum", {"i", "j", "k", "l"}, {"y"})},
                 boolean("yes", true) + boolean("no", false));
    const std::vector<float> before = run(m, {0, -5});
    EXPECT_THAT(before, ElementsAre(-1 - 1 - 0 - 0, testing::FloatNear(3 - 0.0067F - 0 - 5, 1e-3F)));
    model::take_known_branches(m, {{"x", {-1, 2}}});
    EXPECT_EQ(run(m, {0, -5}), before);
    EXPECT_TRUE(m.graph.find_constant("w"));
    std::vector<std::string> made;
    for (const model::Node& node : m.graph.nodes) made.push_back(node.output(0));
    EXPECT_THAT(made, ElementsAre("all", "row", "c", "t", "i", "z_2", "j", "z_3", "k", "l", "y"));
}

TEST(KnownBranches, MayHoldOthersOrNothing) {
    const std::string inner = choice("no", branch({wire::node("Neg", {"t"}, {"z"})}, "z"),
                                     branch({wire::node("Exp", {"t"}, {"z"})}, "z"), "u");
    const std::string then = branch({wire::node("Relu", {"x"}, {"t"}), inner}, "u");
    EXPECT_THAT(
        operators(model_of({choice("yes", then, branch({}, "x"), "y")}, boolean("yes", true) + boolean("no", false))),
        ElementsAre("Relu", "Exp"));
    // A branch that only hands on what is there; ONNX Runtime wants a node in it.
    EXPECT_THAT(
        operators(model_of({choice("no", then, branch({}, "x"), "y")}, boolean("yes", true) + boolean("no", false))),
        ElementsAre("Identity"));
    // A deeper one, whose condition is not known, reads a name that changes.
    const std::string asks = wire::node("Cast", {"z"}, {"c"}, {wire::attribute("to", 2, wire::number(3, 9))});
    const std::string open = choice("c", branch({wire::node("Neg", {"z"}, {"a"})}, "a"),
                                    branch({wire::node("Abs", {"z"}, {"b"})}, "b"), "u");
    model::Model m =
        model_of({wire::node("Relu", {"x"}, {"z"}),
                  choice("yes", branch({wire::node("ReduceSum", {"x"}, {"z"}), asks, open}, "u"), branch({}, "x"), "i"),
                  wire::node("Add", {"i", "z"}, {"y"})},
                 boolean("yes", true));
    model::take_known_branches(m, {{"x", {-1, 2}}});
    EXPECT_THAT(run(m, {3, -5}), ElementsAre(5, 2));  // relu - sum(x), -sum = 2
}

TEST(KnownBranches, DamagedOnesNeverCrash) {
    const std::string then = branch({wire::node("Relu", {"x"}, {"t"}), wire::node("Neg", {"t"}, {"z"})}, "z");
    std::string graph = wire::graph_input("x") + wire::graph_output("y") + ints("at_1", {1}) + ints("two", {2});
    for (const std::string& node : {wire::node("Shape", {"x"}, {"s"}), wire::node("Gather", {"s", "at_1"}, {"d"}),
                                    wire::node("Equal", {"d", "two"}, {"c"}),
                                    choice("c", then, branch({wire::node("Abs", {"x"}, {"z"})}, "z"), "y")})
        graph += wire::graph_node(node);
    const std::string whole = wire::model(graph, 8, 17);
    std::uint32_t random = 1;
    int taken = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = whole;
        for (int i = 0; i < 2; ++i) {
            random = random * 1664525U + 1013904223U;
            damaged[(random >> 8) % damaged.size()] = static_cast<char>(random >> 24);
        }
        const std::string message = locus::test::error_of([&] {
            model::Model m = model::parse(std::as_bytes(std::span(damaged)));
            model::take_known_branches(m, {{"x", {-1, 2}}});
            taken += m.graph.nodes.size() == 2 ? 1 : 0;
        });
        EXPECT_TRUE(message.empty() || message.starts_with("model: ") || message.starts_with("resource: ")) << message;
    }
    EXPECT_GT(taken, 10);
}
