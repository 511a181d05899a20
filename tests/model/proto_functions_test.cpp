// Model-local functions, which are put in the place of their calls when a model is read (src/model/onnx/proto_functions.hpp).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/wire.hpp"
#include "runtime/session.hpp"

namespace model = locus::model;
namespace wire = locus::test::wire;
using locus::Tensor;
using locus::test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

namespace {

constexpr int float_type = 1, int_type = 2;

/// A node of the domain "pkg", where the functions here are; `name` may be empty.
std::string call(std::string_view function, std::initializer_list<std::string_view> inputs,
                 std::initializer_list<std::string_view> outputs, std::string_view name = "",
                 std::initializer_list<std::string> attributes = {}) {
    return wire::node(function, inputs, outputs, attributes) + wire::bytes(7, "pkg") +
           (name.empty() ? "" : wire::bytes(3, name));
}

/// FunctionProto; `rest` are further fields.
std::string function(std::string_view name, std::initializer_list<std::string_view> inputs,
                     std::initializer_list<std::string_view> outputs, std::initializer_list<std::string> nodes,
                     const std::string& rest = "") {
    std::string message = wire::bytes(1, name) + wire::bytes(10, "pkg") + rest;
    for (const std::string_view input : inputs) message += wire::bytes(4, input);
    for (const std::string_view output : outputs) message += wire::bytes(5, output);
    for (const std::string& node : nodes) message += wire::bytes(7, node);
    return message + wire::bytes(9, wire::number(2, 17)) + wire::bytes(9, wire::bytes(1, "pkg") + wire::number(2, 1));
}

/// An attribute that is the call's of the name `of`.
std::string reference(std::string_view name, int type, std::string_view of) {
    return wire::attribute(name, type, wire::bytes(21, of));
}

std::string number(std::string_view name, float value) {
    return wire::attribute(name, float_type, wire::real(2, value));
}

/// x [n, 2] to y, by these nodes and functions.
std::string model_of(std::initializer_list<std::string> nodes, std::initializer_list<std::string> functions,
                     const std::string& rest_of_graph = "") {
    std::string graph = wire::graph_input("x") + wire::graph_output("y") + rest_of_graph;
    for (const std::string& node : nodes) graph += wire::graph_node(node);
    std::string message = wire::model(graph, 8, 17) + wire::bytes(8, wire::bytes(1, "pkg") + wire::number(2, 1));
    for (const std::string& written : functions) message += wire::bytes(25, written);
    return message;
}

model::Model parse(const std::string& bytes) { return model::parse(std::as_bytes(std::span(bytes))); }

std::vector<float> run(const std::string& bytes, std::initializer_list<float> x) {
    const locus::runtime::Session session(bytes, {.threads = 1});
    const Tensor y = session.run({{"x", Tensor::of<float>({1, 2}, x)}}, {"y"}).front();
    const auto values = y.values<float>();
    return {values.begin(), values.end()};
}

/// y for x, of the model as it was and as it is read and written again: the runtime's own way with functions, and ours.
void expect_runs(const std::string& bytes, std::initializer_list<float> x, const std::vector<float>& y) {
    EXPECT_EQ(run(bytes, x), y);
    EXPECT_EQ(run(model::serialize(parse(bytes)), x), y);
}

std::vector<std::string> operators(const model::Model& m) {
    std::vector<std::string> types;
    for (const model::Node& node : m.graph.nodes) types.push_back(node.op_type);
    return types;
}

std::vector<std::string> made(const model::Model& m) {
    std::vector<std::string> names;
    for (const model::Node& node : m.graph.nodes) names.insert(names.end(), node.outputs.begin(), node.outputs.end());
    return names;
}

}  // namespace

TEST(Functions, BodiesTakeThePlaceOfCalls) {
    // f(a, b) = relu(a) + b
    const std::string f =
        function("F", {"a", "b"}, {"c"},
                 {wire::node("Relu", {"a"}, {"r"}) + wire::bytes(3, "act"), wire::node("Add", {"r", "b"}, {"c"})});
    const std::string bytes = model_of({call("F", {"x", "x"}, {"h"}, "one"), call("F", {"h", "x"}, {"y"}, "two")}, {f});
    expect_runs(bytes, {1, -2}, {3, -2});
    const model::Model m = parse(bytes);
    EXPECT_THAT(operators(m), ElementsAre("Relu", "Add", "Relu", "Add"));
    EXPECT_THAT(made(m), ElementsAre("one/r", "h", "two/r", "y"));
    EXPECT_EQ(m.graph.nodes.front().name, "one/act");
    EXPECT_THAT(m.rest.serialized, IsEmpty());  // no function is left over
}

TEST(Functions, NewNamesCollideWithNothing) {
    const std::string f =
        function("F", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"r"}), wire::node("Neg", {"r"}, {"c"})});
    const std::string bytes = model_of({wire::node("Relu", {"x"}, {"F/r"}), call("F", {"F/r"}, {"h"}),
                                        call("F", {"h"}, {"g"}), wire::node("Add", {"g", "F/r"}, {"y"})},
                                       {f});
    expect_runs(bytes, {3, -1}, {6, 0});
    EXPECT_THAT(made(parse(bytes)), ElementsAre("F/r", "F/r_2", "h", "F_2/r", "g", "y"));
}

TEST(Functions, AttributesByReferenceAreTheCallsOrTheDefaultOrLeftOut) {
    // Elu(x) = alpha (exp(x) - 1) below 0; 1 where alpha is left out. LeakyRelu(x) = alpha x; 0.01 where left out.
    const std::string with_default =
        function("F", {"a"}, {"c"}, {wire::node("LeakyRelu", {"a"}, {"c"}, {reference("alpha", 1, "slope")})},
                 wire::bytes(11, number("slope", 0.5F)));
    expect_runs(model_of({call("F", {"x"}, {"y"})}, {with_default}), {1, -2}, {1, -1});
    expect_runs(model_of({call("F", {"x"}, {"y"}, "", {number("slope", 0.25F)})}, {with_default}), {1, -4}, {1, -1});
    const std::string without =
        function("F", {"a"}, {"c"}, {wire::node("LeakyRelu", {"a"}, {"c"}, {reference("alpha", 1, "slope")})},
                 wire::bytes(6, "slope"));
    expect_runs(model_of({call("F", {"x"}, {"y"})}, {without}), {1, -100}, {1, -1});
    // And through functions that hand theirs on.
    const std::string outer =
        function("G", {"a"}, {"c"}, {call("F", {"a"}, {"c"}, "inner", {reference("slope", 1, "steep")})});
    expect_runs(model_of({call("G", {"x"}, {"y"}, "", {number("steep", 0.125F)})}, {with_default, outer}), {1, -8},
                {1, -1});
    EXPECT_THAT(operators(parse(model_of({call("G", {"x"}, {"y"})}, {with_default, outer}))), ElementsAre("LeakyRelu"));
}

TEST(Functions, ConstantsInsideBecomeInitializers) {
    const std::string f = function(
        "F", {"a"}, {"c"},
        {wire::node("Constant", {}, {"k"}, {reference("value_float", 1, "by")}), wire::node("Mul", {"a", "k"}, {"c"})},
        wire::bytes(6, "by"));
    const std::string bytes = model_of({call("F", {"x"}, {"y"}, "scale", {number("by", 3)})}, {f});
    expect_runs(bytes, {1, -2}, {3, -6});
    const model::Model m = parse(bytes);
    ASSERT_TRUE(m.graph.find_constant("scale/k"));
    EXPECT_EQ(m.graph.find_constant("scale/k")->values<float>()[0], 3);
}

TEST(Functions, OptionalInputsMayBeLeftOut) {
    const std::string f = function("F", {"a", "low", "high"}, {"c"}, {wire::node("Clip", {"a", "low", "high"}, {"c"})});
    const std::string zero =
        wire::graph_initializer(wire::tensor("zero", 1, {}, wire::raw_data(wire::raw<float>({0}))));
    expect_runs(model_of({call("F", {"x", "", "zero"}, {"y"})}, {f}, zero), {1, -2}, {0, -2});
    const std::string shorter = model_of({call("F", {"x", "zero"}, {"y"})}, {f}, zero);
    expect_runs(shorter, {1, -2}, {1, 0});
    EXPECT_THAT(parse(shorter).graph.nodes.front().inputs, ElementsAre("x", "zero", ""));
}

TEST(Functions, OutputsMayBeUnwantedOrBeInputs) {
    const std::string two =
        function("F", {"a"}, {"c", "d"}, {wire::node("Neg", {"a"}, {"c"}), wire::node("Abs", {"a"}, {"d"})});
    expect_runs(model_of({call("F", {"x"}, {"", "y"})}, {two}), {1, -2}, {1, 2});
    // What the runtime alone cannot read.
    const auto read_and_run = [](const std::string& bytes) { return run(model::serialize(parse(bytes)), {1, -2}); };
    EXPECT_THAT(read_and_run(model_of({call("F", {"x"}, {"y"})}, {two})), ElementsAre(-1, 2));
    const std::string same = function("F", {"a"}, {"a"}, {});
    EXPECT_THAT(read_and_run(model_of({call("F", {"x"}, {"y"})}, {same})), ElementsAre(1, -2));
}

TEST(Functions, InsideOthersAreNamedByAllTheirCalls) {
    const std::string inner =
        function("F", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"t"}), wire::node("Exp", {"t"}, {"c"})});
    const std::string outer = function("G", {"a"}, {"c"}, {call("F", {"a"}, {"m"}, "first"), call("F", {"m"}, {"c"})});
    const std::string bytes = model_of({call("G", {"x"}, {"y"}, "block")}, {outer, inner});
    expect_runs(bytes, {0, 0}, run(bytes, {0, 0}));
    EXPECT_THAT(made(parse(bytes)), ElementsAre("block/first/t", "block/m", "block/F/t", "y"));
}

TEST(Functions, OverloadsOfOneNameAreTold) {
    const std::string neg = function("F", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"c"})}, wire::bytes(13, "neg"));
    const std::string abs = function("F", {"a"}, {"c"}, {wire::node("Abs", {"a"}, {"c"})}, wire::bytes(13, "abs"));
    const auto calling = [&](const char* overload) {
        return model_of({call("F", {"x"}, {"y"}) + wire::bytes(8, overload)}, {neg, abs});
    };
    expect_runs(calling("neg"), {1, -2}, {-1, 2});
    expect_runs(calling("abs"), {1, -2}, {1, 2});
}

namespace {

/// If(c) { `then` } else { z = x }, to `output`; `then` makes z.
std::string choice(std::string_view condition, std::string_view output, const std::string& then,
                   std::string_view otherwise) {
    const auto branch = [](const std::string& node) {
        return wire::graph_node(node) + wire::bytes(2, "branch") + wire::graph_output("z");
    };
    return wire::node(
        "If", {condition}, {output},
        {wire::attribute("then_branch", 5, wire::bytes(6, branch(then))),
         wire::attribute("else_branch", 5, wire::bytes(6, branch(wire::node("Identity", {otherwise}, {"z"}))))});
}

}  // namespace

TEST(Functions, AreFoundInSubgraphsAndHoldThem) {
    const std::string yes = wire::graph_initializer(wire::tensor("yes", 9, {1}, wire::raw_data("\1")));
    const std::string neg =
        function("F", {"a"}, {"c"},
                 {wire::node("Neg", {"a"}, {"t"}), wire::node("Neg", {"t"}, {"u"}), wire::node("Neg", {"u"}, {"c"})});
    const std::string bytes = model_of({choice("yes", "y", call("F", {"x"}, {"z"}), "x")}, {neg}, yes);
    expect_runs(bytes, {1, -2}, {-1, 2});
    EXPECT_THAT(parse(bytes).rest.serialized, IsEmpty());
    const std::string holds = function(
        "G", {"c", "a"}, {"b"}, {wire::node("Abs", {"a"}, {"t"}), choice("c", "b", call("F", {"t"}, {"z"}), "a")});
    expect_runs(model_of({call("G", {"yes", "x"}, {"h"}), call("G", {"yes", "h"}, {"y"})}, {holds, neg}, yes), {1, -2},
                {-1, -2});
}

TEST(Functions, BodiesAreReadByTheModelsOpset) {
    // Of 17, whatever the function says: Softmax of 11 flattens from `axis` on, which differs here for axis 0.
    std::string f =
        function("F", {"a"}, {"c"},
                 {wire::node("Softmax", {"a"}, {"c"}, {wire::attribute("axis", int_type, wire::number(3, 0))})});
    const std::string now = wire::bytes(9, wire::number(2, 17));
    f.replace(f.find(now), now.size(), wire::bytes(9, wire::number(2, 11)));
    expect_runs(model_of({call("F", {"x"}, {"y"})}, {f}), {1, -2}, {1, 1});
}

TEST(Functions, OperatorsOfTheRuntimeGoBeforeThem) {
    std::string relu = function("Relu", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"c"})});
    relu.replace(relu.find(wire::bytes(10, "pkg")), wire::bytes(10, "pkg").size(), wire::bytes(10, ""));
    expect_runs(model_of({wire::node("Relu", {"x"}, {"y"})}, {relu}), {1, -2}, {1, 0});
}

TEST(Functions, OperatorSetsOfFunctionsAreImported) {
    const std::string f =
        function("F", {"a"}, {"c"}, {wire::node("Gelu", {"a"}, {"c"}) + wire::bytes(7, "com.microsoft")},
                 wire::bytes(9, wire::bytes(1, "com.microsoft") + wire::number(2, 1)));
    const model::Model m = parse(model_of({call("F", {"x"}, {"y"})}, {f}));
    EXPECT_EQ(m.opsets.at("com.microsoft"), 1);
    EXPECT_EQ(run(model::serialize(m), {0, 100}), (std::vector<float>{0, 100}));
}

TEST(Functions, ThatCallThemselvesAreRefused) {
    const std::string itself = function("F", {"a"}, {"c"}, {call("F", {"a"}, {"c"})});
    EXPECT_THAT(error_of([&] { parse(model_of({call("F", {"x"}, {"y"})}, {itself})); }),
                AllOf(StartsWith("model: "), HasSubstr("the function 'pkg.F' calls itself")));
    const std::string f = function("F", {"a"}, {"c"}, {call("G", {"a"}, {"c"})});
    const std::string g = function("G", {"a"}, {"c"}, {call("F", {"a"}, {"c"})});
    EXPECT_THAT(error_of([&] {
                    parse(model_of({call("F", {"x"}, {"y"})}, {f, g}));
                }),
                HasSubstr("the function 'pkg.F' calls itself, directly or through others"));
}

TEST(Functions, CallsThatDoNotFitAreRefused) {
    const std::string f = function("F", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"c"})});
    EXPECT_THAT(error_of([&] {
                    parse(model_of({call("F", {"x", "x"}, {"y"}, "it")}, {f}));
                }),
                HasSubstr("the node 'it' has 2 inputs, but the function 'pkg.F' that it calls has 1"));
    EXPECT_THAT(error_of([&] {
                    parse(model_of({call("F", {"x"}, {"y", "z"})}, {f}));
                }),
                HasSubstr("the node 'F' has 2 outputs, but the function 'pkg.F' that it calls has 1"));
    const std::string loose = function("F", {"a"}, {"c"}, {wire::node("Add", {"a", "nowhere"}, {"c"})});
    EXPECT_THAT(error_of([&] { parse(model_of({call("F", {"x"}, {"y"})}, {loose})); }),
                HasSubstr("reads tensor 'F/nowhere', which nothing makes"));
}

TEST(Functions, ThatGrowWithoutBoundsAreRefused) {
    // Each calls the next twice: 2^30 nodes out of a kilobyte.
    std::string bytes = model_of({call("F0", {"x"}, {"y"})}, {});
    const auto name = [](int i) { return "F" + std::to_string(i); };
    for (int i = 0; i < 30; ++i)
        bytes += wire::bytes(
            25, function(name(i), {"a"}, {"c"}, {call(name(i + 1), {"a"}, {"b"}), call(name(i + 1), {"b"}, {"c"})}));
    bytes += wire::bytes(25, function("F30", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"c"})}));
    EXPECT_THAT(error_of([&] { parse(bytes); }), AllOf(StartsWith("resource: "), HasSubstr("more than 262144 nodes")));
    // A long chain.
    bytes = model_of({call("F0", {"x"}, {"y"})}, {});
    for (int i = 0; i < 5000; ++i)
        bytes += wire::bytes(25, function(name(i), {"a"}, {"c"}, {call(name(i + 1), {"a"}, {"c"})}));
    bytes += wire::bytes(25, function("F5000", {"a"}, {"c"}, {wire::node("Neg", {"a"}, {"c"})}));
    EXPECT_THAT(error_of([&] { parse(bytes); }), HasSubstr("call each other more than 64 deep"));
    // Large constants, copied with every call.
    const std::string large = function(
        "F", {"a"}, {"c"},
        {wire::node("Constant", {}, {"k"},
                    {wire::attribute(
                        "value", 4,
                        wire::bytes(5, wire::tensor("", 1, {1 << 20}, wire::raw_data(std::string(4 << 20, '\0')))))}),
         wire::node("Neg", {"a"}, {"c"})});
    std::string graph = wire::graph_input("x") + wire::graph_output("t99") + wire::graph_node(call("F", {"x"}, {"t0"}));
    for (int i = 1; i < 100; ++i)
        graph += wire::graph_node(call("F", {"t" + std::to_string(i - 1)}, {"t" + std::to_string(i)}));
    EXPECT_THAT(error_of([&] { parse(wire::model(graph, 8, 17) + wire::bytes(25, large)); }), HasSubstr("256 MiB"));
}

TEST(Functions, DamagedOnesNeverCrash) {
    const std::string f = function(
        "F", {"a", "b"}, {"c"},
        {wire::node("Elu", {"a"}, {"r"}, {reference("alpha", 1, "slope")}), wire::node("Add", {"r", "b"}, {"c"})},
        wire::bytes(11, number("slope", 0.5F)));
    const std::string whole = model_of({call("F", {"x", "x"}, {"h"}, "one"), call("F", {"h", "x"}, {"y"}, "two")}, {f});
    std::uint32_t random = 1;
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = whole;
        for (int i = 0; i < 3; ++i) {
            random = random * 1664525U + 1013904223U;
            damaged[(random >> 8) % damaged.size()] = static_cast<char>(random >> 24);
        }
        const std::string message = error_of([&] { parse(damaged); });
        EXPECT_TRUE(message.empty() || message.starts_with("model: ") || message.starts_with("resource: ")) << message;
    }
}
