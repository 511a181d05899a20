#include "runtime/pass_needs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "error_of.hpp"
#include "model/networks/builder.hpp"
#include "runtime/session.hpp"

namespace locus::runtime {
namespace {

using testing::HasSubstr;

/// input [n, 1, h, w] -> MaxPool 3x3, stride 2 -> Relu -> Relu.
model::Model pool_and_relus() {
    model::Model model;
    model.opsets[""] = 13;
    model.graph.inputs.push_back(
        {.name = "input",
         .type = DataType::float32,
         .shape = std::vector<model::Dimension>{{.symbol = "n"}, {.value = 1}, {.symbol = "h"}, {.symbol = "w"}}});
    model.graph.outputs.push_back({.name = "c", .type = DataType::float32, .shape = std::nullopt});
    model.graph.nodes.push_back({.op_type = "MaxPool",
                                 .inputs = {"input"},
                                 .outputs = {"a"},
                                 .attributes = {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
                                                {"strides", std::vector<std::int64_t>{2, 2}}},
                                 .name = "pool"});
    model.graph.nodes.push_back({.op_type = "Relu", .inputs = {"a"}, .outputs = {"b"}, .name = "first"});
    model.graph.nodes.push_back({.op_type = "Relu", .inputs = {"b"}, .outputs = {"c"}, .name = "second"});
    return model;
}

TEST(PassNeeds, CountsWhatLivesAtTheSameTime) {
    const PassNeeds needs(pool_and_relus());
    // The input's 2 x 9 x 9 floats all the time, and two of the 4 x 4 maps an item.
    constexpr double arena_factor = 1.75;
    for (int i = 0; i < 2; ++i)  // the second time remembered
        EXPECT_EQ(needs.bytes({{"input", {2, 1, 9, 9}}}), arena_factor * 4 * (2 * 81 + 2 * 2 * 16));
}

TEST(PassNeeds, InputsThatLeaveALayerWithoutPositionsAreRefused) {
    const std::string error = test::error_of([] { PassNeeds(pool_and_relus()).bytes({{"input", {1, 1, 2, 9}}}); });
    EXPECT_THAT(error, HasSubstr("model: an input of [1, 1, 2, 9] is too small for the network"));
    EXPECT_THAT(error, HasSubstr("pool"));
    const Session session(pool_and_relus());
    EXPECT_NE(test::error_of([&] { session.run({{"input", Tensor(DataType::float32, {1, 1, 2, 2})}}, {"c"}); }), "");
}

TEST(PassNeeds, ANetworksNeedsGrowWithItsInput) {
    const PassNeeds needs(model::build({.name = "mobilenet-v2", .classes = 10, .width = 0.25}));
    const double one = needs.bytes({{"input", {1, 3, 224, 224}}}), four = needs.bytes({{"input", {4, 3, 224, 224}}});
    EXPECT_GT(one, 4.0 * 3 * 224 * 224);
    EXPECT_DOUBLE_EQ(four, 4 * one);
}

TEST(MemoryShare, MoreThanThereIsIsRefused) {
    const std::string error = test::error_of([] { const MemoryShare share(free_memory() * 2); });
    EXPECT_THAT(error, testing::StartsWith("resource: a pass of the network over this input takes some "));
}

TEST(MemoryShare, PassesWaitForEachOther) {
    const double part = free_memory() / 2;  // no two of them fit
    std::atomic<int> under_way = 0, most = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            const MemoryShare share(part);
            most = std::max(most.load(), ++under_way);
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            --under_way;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(most, 1);
}

}  // namespace
}  // namespace locus::runtime
