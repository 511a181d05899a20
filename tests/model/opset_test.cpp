// Raised models compute what they did.

#include "model/opset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "locus/error.hpp"
#include "model/derivative_check.hpp"
#include "model/networks/builder.hpp"

namespace locus::test {
namespace {

Tensor output_of(const model::Model& model, const Tensor& x) {
    return runtime::Session(model, {.threads = 1})
        .run({{model.graph.inputs[0].name, x}}, {model.graph.outputs[0].name})
        .front();
}

void expect_unchanged(const model::Model& old, const Tensor& x) {
    auto raised = old;
    model::raise_opset(raised);
    EXPECT_EQ(raised.opset(), 17);
    EXPECT_GE(raised.ir_version, 8);
    const Tensor before = output_of(old, x), after = output_of(raised, x);
    ASSERT_EQ(before.shape(), after.shape());
    for (std::int64_t i = 0; i < before.size(); ++i) {
        EXPECT_NEAR(before.values<float>()[i], after.values<float>()[i],
                    1e-5 * std::abs(before.values<float>()[i]) + 1e-6);
    }
}

TEST(Opset, BuilderNetworksOfAllOpsets) {
    for (const std::int64_t opset : {7, 9, 11, 12, 13, 16}) {
        for (const auto* name : {"mobilenet-v2", "googlenet-gap", "resnet18"}) {
            SCOPED_TRACE(std::string(name) + " at opset " + std::to_string(opset));
            const auto model = model::build({.name = name,
                                             .classes = 4,
                                             .width = 0.125,
                                             .image_size = 48,
                                             .opset = static_cast<int>(opset),
                                             .softmax = true});
            std::mt19937 random(1);
            std::normal_distribution<float> normal;
            expect_unchanged(model, filled({2, 3, 48, 48}, [&] { return normal(random); }));
        }
    }
}

/// Each operator whose form changed, in its old form; `make` returns the graph's output.
TEST(Opset, OldFormsOfOperators) {
    struct Case {
        std::string name;
        std::int64_t opset;
        std::function<std::string(Graph&, const std::string&)> make;
    };
    const std::vector<Case> cases{
        {"Clip", 7,
         [](Graph& g, const auto& x) {
             return g.node("Clip", {x}, {{"min", -0.5F}, {"max", 0.5F}});
         }},
        {"Clip without bounds", 10,
         [](Graph& g, const auto& x) {
             return g.node("Clip", {x}, {{"max", 0.5F}});
         }},
        {"Squeeze", 11,
         [](Graph& g, const auto& x) {
             return g.node("Squeeze", {g.node("Unsqueeze", {x}, {{"axes", Ints{1, 3}}})}, {{"axes", Ints{1}}});
         }},
        {"ReduceSum", 12,
         [](Graph& g, const auto& x) {
             return g.node("ReduceSum", {x}, {{"axes", Ints{2}}, {"keepdims", std::int64_t{0}}});
         }},
        {"ReduceMean", 9,
         [](Graph& g, const auto& x) {
             return g.node("ReduceMean", {x}, {{"axes", Ints{2}}});
         }},
        {"Split", 9,
         [](Graph& g, const auto& x) {
             return g.nodes("Split", {x}, 2, {{"axis", std::int64_t{2}}, {"split", Ints{1, 3}}})[1];
         }},
        {"Slice", 9,
         [](Graph& g, const auto& x) {
             return g.node("Slice", {x}, {{"axes", Ints{2, 3}}, {"starts", Ints{1, -2}}, {"ends", Ints{3, 100}}});
         }},
        {"Pad", 10,
         [](Graph& g, const auto& x) {
             return g.node("Pad", {x}, {{"pads", Ints{0, 0, 1, 2, 0, 0, 0, 1}}, {"value", 2.0F}});
         }},
        {"Upsample", 7,
         [](Graph& g, const auto& x) {
             return g.node("Upsample", {x}, {{"scales", std::vector<float>{1, 1, 2, 3}}});
         }},
        {"Upsample linear", 9,
         [](Graph& g, const auto& x) {
             return g.node("Upsample", {x, g.constant(Tensor::of<float>({4}, {1, 1, 2, 2}))},
                           {{"mode", std::string("linear")}});
         }},
        {"Resize", 10,
         [](Graph& g, const auto& x) {
             return g.node("Resize", {x, g.constant(Tensor::of<float>({4}, {1, 1, 0.5F, 2}))});
         }},
        {"Dropout", 9,
         [](Graph& g, const auto& x) {
             return g.node("Dropout", {x}, {{"ratio", 0.3F}});
         }},
        {"Softmax over everything", 11, [](Graph& g, const auto& x) { return g.node("Softmax", {x}); }},
        {"LogSoftmax from axis 2", 12,
         [](Graph& g, const auto& x) {
             return g.node("LogSoftmax", {x}, {{"axis", std::int64_t{2}}});
         }},
        {"TopK", 9,
         [](Graph& g, const auto& x) {
             return g.nodes("TopK", {x}, 2, {{"k", std::int64_t{2}}})[0];
         }},
        {"BatchNormalization", 7,
         [](Graph& g, const auto& x) {
             return g.node("BatchNormalization",
                           {x, g.random({3}), g.random({3}), g.random({3}), g.random({3}, 0.5F, 2)},
                           {{"momentum", 0.9F}, {"spatial", std::int64_t{1}}});
         }},
    };
    for (const auto& [name, opset, make] : cases) {
        SCOPED_TRACE(name);
        Graph g(opset);
        const auto y = make(g, g.input({-1, 3, 4, 4}));
        auto model = g.model();
        model.graph.outputs = {{y, DataType::float32, {}, {}, {}}};
        expect_unchanged(model, g.sample(2));
    }
}

TEST(Opset, NewerModelsAreLeftAlone) {
    for (const int opset : {17, 18, 21}) {
        auto model = model::build({.name = "tiny", .classes = 3, .opset = opset});
        const auto before = model::serialize(model);
        model::raise_opset(model);
        EXPECT_EQ(model::serialize(model), before);
    }
}

TEST(Opset, BoundsHaveTheTypeOfWhatTheyBound) {
    model::Model half =
        model::build({.name = "mobilenet-v2", .classes = 3, .width = 0.1, .image_size = 32, .opset = 9});
    for (auto& [name, tensor] : half.graph.initializers) {
        if (tensor.type() == DataType::float32) tensor = tensor.to(DataType::float16);
    }
    half.graph.inputs.front().type = half.graph.outputs.front().type = DataType::float16;
    half.graph.value_infos.clear();
    model::raise_opset(half);
    int bounds = 0;
    for (const model::Node& node : half.graph.nodes) {
        if (!node.is("Clip")) continue;
        ++bounds;
        EXPECT_EQ(half.graph.find_constant(node.input(2))->type(), DataType::float16);
    }
    EXPECT_GT(bounds, 0);
}

TEST(Opset, WhatHasNoEqualIsRefusedByName) {
    Graph g(7);
    const auto x = g.input({-1, 3});
    const auto y = g.node("BatchNormalization", {x, x, x, x, x}, {{"spatial", std::int64_t{0}}});
    auto model = g.model();
    try {
        model::raise_opset(model);
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_THAT(error.what(), testing::HasSubstr(y));
    }
    Graph whole(7);
    const auto up = whole.node("Upsample", {whole.input({1, 3, 4, 4})}, {{"scales", Ints{1, 1, 2, 2}}});
    EXPECT_THAT(
        error_of([&] { model::raise_opset(whole.model()); }),
        testing::HasSubstr("model: attribute 'scales' of node '" + up + "' is not a list of floating-point numbers"));
    model::Model with_body = Graph(11).model();
    model::Node branch;
    branch.op_type = "If";
    branch.name = "choose";
    branch.outputs = {"chosen"};
    branch.attributes["then_branch"] = model::Opaque{.serialized = {}, .reads = {}, .operators = {"Relu", "Squeeze"}};
    with_body.graph.nodes.push_back(branch);
    EXPECT_THAT(error_of([&] { model::raise_opset(with_body); }),
                testing::HasSubstr("its body holds Squeeze, whose form changed"));
    with_body = Graph(13).model();
    with_body.graph.nodes.push_back(branch);
    model::raise_opset(with_body);
    EXPECT_EQ(with_body.opset(), model::raised_opset);

    Graph ancient(5);
    auto old = ancient.model();
    EXPECT_THROW(model::raise_opset(old), Error);
}

}  // namespace
}  // namespace locus::test
