#include "train/starting_network.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/wire.hpp"
#include "support/scratch_folder.hpp"

namespace locus::train {
namespace {

namespace wire = test::wire;

TEST(StartingNetwork, BranchesThatSizesDecideArePutInPlace) {
    // y = relu(x) where x has three channels, else |x|: as exporters write squeeze.
    const auto ints = [](std::string_view name, std::int64_t value) {
        return wire::graph_initializer(wire::tensor(name, 7, {1}, wire::raw_data(wire::raw<std::int64_t>({value}))));
    };
    const auto branch = [](std::string_view type) {
        return wire::bytes(2, "branch") + wire::graph_output("z") + wire::graph_node(wire::node(type, {"x"}, {"z"}));
    };
    const auto size = [](std::int64_t value) { return wire::bytes(1, wire::number(1, value)); };
    const std::string shape = wire::bytes(1, wire::bytes(2, "n")) + size(3) + size(8) + size(8);
    const std::string input =
        wire::bytes(1, "x") + wire::bytes(2, wire::bytes(1, wire::number(1, 1) + wire::bytes(2, shape)));
    std::string graph = wire::bytes(11, input) + wire::graph_output("y") + ints("at", 1) + ints("three", 3);
    for (const std::string& node :
         {wire::node("Shape", {"x"}, {"shape"}), wire::node("Gather", {"shape", "at"}, {"channels"}),
          wire::node("Equal", {"channels", "three"}, {"is_rgb"}),
          wire::node("If", {"is_rgb"}, {"y"},
                     {wire::attribute("then_branch", 5, wire::bytes(6, branch("Relu"))),
                      wire::attribute("else_branch", 5, wire::bytes(6, branch("Abs")))})})
        graph += wire::graph_node(node);
    const test::ScratchFolder folder;
    const StartingNetwork start = load_starting_network(folder.write("model.onnx", wire::model(graph, 8, 17)));
    ASSERT_EQ(start.model.graph.nodes.size(), 1U);
    EXPECT_EQ(start.model.graph.nodes.front().op_type, "Relu");
}

}  // namespace
}  // namespace locus::train
