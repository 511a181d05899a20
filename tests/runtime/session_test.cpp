#include "runtime/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "model/wire.hpp"
#include "text/quote.hpp"

namespace locus::runtime {
namespace {

namespace wire = test::wire;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string refusal(const std::string& onnx_bytes) {
    return test::error_of([&] { Session(onnx_bytes, {.threads = 1}); });
}

/// x [n, 2] -> one node -> y
std::string graph_of(const std::string& node) {
    return wire::graph_node(node) + wire::bytes(2, "graph") + wire::graph_input("x") + wire::graph_output("y");
}

std::string relu() { return graph_of(wire::node("Relu", {"x"}, {"y"})); }

std::string named(const std::string& node, std::string_view name) { return node + wire::bytes(3, name); }

TEST(Session, RunsWhatItLoads) {
    const Session session(wire::model(relu()), {.threads = 1});
    const auto out = session.run({{"x", Tensor::of<float>({1, 2}, {-1, 2})}}, {"y"});
    EXPECT_EQ(out.at(0).values<float>()[0], 0);
    EXPECT_EQ(out.at(0).values<float>()[1], 2);
}

TEST(Session, AnUnknownOperatorIsNamedWithItsNode) {
    const std::string said = refusal(wire::model(graph_of(named(wire::node("Frobnicate", {"x"}, {"y"}), "odd one"))));
    EXPECT_THAT(said,
                AllOf(StartsWith("model: the model uses the operator Frobnicate (node 'odd one'), which ONNX Runtime "),
                      HasSubstr(runtime_version()), HasSubstr("does not have at opset 13")));
}

TEST(Session, NamesOutOfTheFileDoNotReachTheTerminalRaw) {
    const std::string said =
        refusal(wire::model(graph_of(named(wire::node("Frob\x1b[31m", {"x"}, {"y"}), "odd\x1b[0m"))));
    EXPECT_THAT(said, AllOf(HasSubstr(text::printable("Frob\x1b[31m")), Not(HasSubstr("\x1b"))));
}

TEST(Session, AnOperatorWithoutAnImplementationForTheTypesIsNamed) {
    // ONNX allows shifts of 16 bits; ONNX Runtime has those of 8, 32 and 64.
    const auto value = [](std::string_view name) {
        return wire::bytes(1, name) +
               wire::bytes(2, wire::bytes(1, wire::number(1, 4) + wire::bytes(2, wire::bytes(1, wire::number(1, 2)))));
    };
    const std::string direction = wire::attribute("direction", 3, wire::bytes(4, "LEFT"));
    const std::string graph = wire::graph_node(named(wire::node("BitShift", {"x", "x"}, {"y"}, {direction}), "shift")) +
                              wire::bytes(2, "graph") + wire::bytes(11, value("x")) + wire::bytes(12, value("y"));
    EXPECT_THAT(refusal(wire::model(graph)),
                AllOf(StartsWith("model: ONNX Runtime "), HasSubstr("has no implementation of BitShift (opset 11)"),
                      HasSubstr("node 'shift'")));
}

TEST(Session, ANewerOpsetIsSaidToBeNewer) {
    EXPECT_THAT(refusal(wire::model(relu(), 7, 999)),
                AllOf(StartsWith("model: the model's opset is newer than "), HasSubstr(runtime_version())));
}

TEST(Session, ANewerFormatIsSaidToBeNewer) {
    EXPECT_THAT(
        refusal(wire::model(relu(), 99)),
        AllOf(StartsWith("model: the model's format (IR version 99) is newer than "), HasSubstr(runtime_version())));
}

TEST(Session, OtherRefusalsComeInTheRuntimesWords) {
    const std::string said = refusal("no model at all");
    EXPECT_THAT(said, AllOf(StartsWith("model: ONNX Runtime "), HasSubstr("refuses the model: "),
                            Not(HasSubstr("[ONNXRuntimeError]"))));
}

TEST(Session, AnInputThatDoesNotFitIsRefusedByName) {
    const Session session(wire::model(relu()), {.threads = 1});
    const auto run = [&](const std::string& name, const Tensor& tensor) {
        return test::error_of([&] { session.run({{name, tensor}}, {"y"}); });
    };
    EXPECT_EQ(run("x", Tensor(DataType::float32, {1, 3})), "model: the input 'x' takes float [n, 2], not float [1, 3]");
    EXPECT_EQ(run("x", Tensor(DataType::float64, {1, 2})),
              "model: the input 'x' takes float [n, 2], not double [1, 2]");
    EXPECT_EQ(run("no\x1b", Tensor(DataType::float32, {1, 2})),
              "usage: the network has no input " + text::quote("no\x1b"));
}

}  // namespace
}  // namespace locus::runtime
