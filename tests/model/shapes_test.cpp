// Shapes worked out against shapes seen in a run.

#include "model/shapes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "locus/error.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/wire.hpp"
#include "runtime/observe_shapes.hpp"

namespace locus {
namespace {

void expect_same(const model::Model& model, const std::map<std::string, Shape>& inputs = {}) {
    const auto inferred = model::infer_shapes(model, inputs);
    EXPECT_THAT(inferred.unknown(model.graph), testing::IsEmpty());
    const auto observed = runtime::observe_shapes(model, inputs);
    for (const auto& node : model.graph.nodes) {
        for (const auto& output : node.outputs) {
            if (output.empty() || !inferred.contains(output)) continue;
            EXPECT_EQ(inferred.shape(output), observed.shape(output)) << output << " of " << node.op_type;
            EXPECT_EQ(inferred.type(output), observed.type(output)) << output;
            const Tensor *a = inferred.value(output), *b = observed.value(output);
            if (a == nullptr || b == nullptr || inferred.is_float(output)) continue;
            EXPECT_TRUE(std::equal(a->bytes().begin(), a->bytes().end(), b->bytes().begin(), b->bytes().end()))
                << output << " of " << node.op_type;
        }
    }
}

TEST(Shapes, OfBuilderNetworksAreAsObserved) {
    for (const auto& name : model::network_names()) {
        SCOPED_TRACE(name);
        expect_same(model::build({.name = name, .classes = 5, .width = 0.125}));
    }
}

TEST(Shapes, OfGoldenNetworksAreAsObserved) {
    const std::filesystem::path folder = std::filesystem::path(LOCUS_SHARED) / "goldens";
    if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the golden networks are not there";
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".onnx") continue;
        SCOPED_TRACE(entry.path().filename().string());
        expect_same(model::load(entry.path()), {{"input", {-1, 3, 96, 96}}});
    }
}

/// Windows that do not come out even, above all the last one, which is left out where it would start in the padding.
TEST(Shapes, OfPoolsThatRoundUpAreAsObserved) {
    using Ints = std::vector<std::int64_t>;
    for (const std::int64_t opset : {11, 13, 18, 19, 21}) {
        SCOPED_TRACE(opset);
        model::Model model;
        model.opsets[""] = opset;
        model.graph.inputs = {
            {.name = "x",
             .shape = std::vector<model::Dimension>{{.symbol = "n"}, {.value = 2}, {.value = 7}, {.value = 4}}}};
        const auto add = [&](const char* type, std::int64_t kernel, std::int64_t stride, const std::string& automatic,
                             const Ints& pads, std::int64_t dilation) {
            const std::string name = "y" + std::to_string(model.graph.nodes.size());
            model::Node node{.op_type = type, .inputs = {"x"}, .outputs = {name}};
            node.attributes = {{"kernel_shape", Ints{kernel, kernel}},
                               {"strides", Ints{stride, stride}},
                               {"ceil_mode", std::int64_t{1}}};
            if (dilation > 1) node.attributes["dilations"] = Ints{dilation, dilation};
            if (automatic.empty())
                node.attributes["pads"] = pads;
            else
                node.attributes["auto_pad"] = automatic;
            model.graph.nodes.push_back(node);
            model.graph.outputs.push_back({.name = name});
        };
        for (const char* type : {"MaxPool", "AveragePool"}) {
            for (const std::int64_t kernel : {1, 2, 3}) {
                for (const std::int64_t stride : {1, 2, 3, 4}) {
                    add(type, kernel, stride, "VALID", {}, 1);
                    // The runtime takes no padding as wide as the kernel, nor strides that skip elements.
                    for (const std::int64_t pad : {0, 1}) {
                        if (pad < kernel) add(type, kernel, stride, "", {pad, 0, pad, 1 < kernel ? 1 : 0}, 1);
                    }
                    for (const char* automatic : {"SAME_UPPER", "SAME_LOWER"})
                        if (stride <= kernel) add(type, kernel, stride, automatic, {}, 1);
                }
            }
        }
        // Here it leaves dilation out of automatic padding.
        for (const char* automatic : {"SAME_UPPER", "SAME_LOWER", "VALID"}) add("MaxPool", 2, 2, automatic, {}, 2);
        expect_same(model);
    }
}

/// 10 * 2 / 8 is two and a half: sizes are rounded, halves away from zero.
TEST(Shapes, OfImagesThatKeepTheirAspectRatioAreAsObserved) {
    using Ints = std::vector<std::int64_t>;
    for (const std::string policy : {"not_larger", "not_smaller", "stretch"}) {
        for (const Ints& sizes : {Ints{13, 13}, Ints{7, 2}, Ints{20, 9}, Ints{5, 11}}) {
            SCOPED_TRACE(policy + " " + to_string(sizes));
            model::Model model;
            model.opsets[""] = 18;
            model.graph.inputs = {
                {"x", DataType::float32, {{{std::nullopt, "n"}, {3, ""}, {10, ""}, {8, ""}}}, {}, {}}};
            model::NodeWriter write(model.graph, "t");
            write.node("Resize", {"x", "", "", write.constant(sizes)},
                       {{"keep_aspect_ratio_policy", policy}, {"axes", Ints{2, 3}}});
            expect_same(model);
        }
    }
}

/// A Reshape whose target is worked out in the graph from the batch, as exporters write it.
TEST(Shapes, ShapeArithmeticThatDoesNotFollowTheBatchHasAValue) {
    model::Model model;
    model.opsets[""] = 17;
    model::ValueInfo input;
    input.name = "x";
    input.shape = std::vector<model::Dimension>{{std::nullopt, "n"}, {6, ""}, {4, ""}};
    model.graph.inputs.push_back(input);
    model::NodeWriter write(model.graph, "t");
    const auto shape = write.node("Shape", {"x"});
    const auto rows = write.node("Gather", {shape, write.constant(std::vector<std::int64_t>{1})});
    const auto half = write.node("Div", {rows, write.constant(std::vector<std::int64_t>{4})});
    const auto batch = write.node(
        "Slice", {shape, write.constant(std::vector<std::int64_t>{0}), write.constant(std::vector<std::int64_t>{1})});
    const auto target =
        write.node("Concat", {batch, half, write.constant(std::vector<std::int64_t>{-1})}, {{"axis", std::int64_t{0}}});
    const auto y = write.node("Reshape", {"x", target});
    const auto shapes = model::infer_shapes(model);
    ASSERT_NE(shapes.value(half), nullptr);
    EXPECT_EQ(shapes.value(half)->to_int64s(), std::vector<std::int64_t>{1});  // 6 / 4 in integers
    EXPECT_EQ(shapes.value(target), nullptr);                                  // follows the batch
    EXPECT_EQ(shapes.shape(y), (Shape{-1, 1, 24}));
}

TEST(Shapes, OperatorsUnknownHereAreObserved) {
    model::Model model;
    model.opsets[""] = 17;
    model::ValueInfo input;
    input.name = "x";
    input.shape = std::vector<model::Dimension>{{std::nullopt, "n"}, {6, ""}};
    model.graph.inputs.push_back(input);
    model::NodeWriter write(model.graph, "t");
    const auto strange =
        write.node("Det", {write.node("Reshape", {"x", write.constant(std::vector<std::int64_t>{0, 1, 1, -1})})});
    (void)strange;
    model.graph.nodes.pop_back();
    const auto y = write.node("NonZero", {write.node("Shape", {"x"})});
    const auto z = write.node("Relu", {"x"});
    EXPECT_THAT(model::infer_shapes(model).unknown(model.graph), testing::ElementsAre(y));
    const auto shapes = runtime::known_shapes(model);
    EXPECT_EQ(shapes.shape(y), (Shape{1, 2}));
    EXPECT_EQ(shapes.shape(z), (Shape{-1, 6}));
}

/// The zeros on which a network is observed are no constants, read by a node or from inside its body.
TEST(Shapes, WhatABodyReadsOfTheImageIsNoConstant) {
    namespace wire = test::wire;
    const auto branch = [](std::string_view op_type) {
        return wire::bytes(2, "branch") + wire::graph_node(wire::node(op_type, {"x"}, {"z"})) + wire::graph_output("z");
    };
    const std::string graph =
        wire::graph_input("x") + wire::graph_output("y") +
        wire::graph_initializer(wire::tensor("yes", 9, {1}, wire::raw_data(std::string(1, '\1')))) +
        wire::graph_node(wire::node("If", {"yes"}, {"y"},
                                    {wire::attribute("then_branch", 5, wire::bytes(6, branch("Neg"))),
                                     wire::attribute("else_branch", 5, wire::bytes(6, branch("Abs")))}));
    const std::string bytes = wire::model(graph, 8, 17);
    const auto shapes = runtime::observe_shapes(model::parse(std::as_bytes(std::span(bytes))), {{"x", {1, 2}}});
    EXPECT_EQ(shapes.shape("y"), (Shape{1, 2}));
    EXPECT_EQ(shapes.value("y"), nullptr);
}

TEST(Shapes, FreeSizesMustBeGiven) {
    const auto model = model::build({.name = "tiny", .classes = 3, .dynamic_size = true});
    EXPECT_THROW(model::infer_shapes(model), Error);
    const auto& input = model.graph.inputs[0].name;
    const auto shapes = model::infer_shapes(model, {{input, {-1, 3, 40, 56}}});
    EXPECT_EQ(shapes.shape(model.graph.outputs[0].name), (Shape{-1, 3}));
}

}  // namespace
}  // namespace locus
