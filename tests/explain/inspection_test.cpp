/// What inspect tells of layers and costs, against numbers worked out by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "error_of.hpp"
#include "explain/inspection.hpp"
#include "explain/network.hpp"
#include "explain/target_layer.hpp"
#include "model/cost.hpp"
#include "model/receptive_field.hpp"
#include "model/shapes.hpp"
#include "support/exported/networks.hpp"
#include "support/loaded_network.hpp"

namespace locus::explain {
namespace {

using test::Exporter;
using test::loaded;

model::ReceptiveField field_of(const model::Model& model, const std::string& tensor) {
    const std::string& input = model.graph.inputs.front().name;
    const auto shapes = model::infer_shapes(model, {{input, {1, 3, 64, 64}}});
    return model::receptive_fields(model.graph, shapes, input).at(tensor);
}

TEST(ReceptiveFields, KernelsOfRowsAndOfColumnsAreNotAddedUp) {
    Exporter write({.opset = 17});
    std::string x = write.conv(write.input(3, 64), 3, 4, {.kernel = 3, .stride = 2, .pad = 1});
    x = write.node("Conv", {x, write.weight({4, 4, 1, 7}, 0.1)}, {{"pads", test::Ints{0, 3, 0, 3}}});
    x = write.node("Conv", {x, write.weight({4, 4, 7, 1}, 0.1)}, {{"pads", test::Ints{3, 0, 3, 0}}});
    const std::string wide = write.node("MaxPool", {x}, {{"kernel_shape", test::Ints{1, 5}}});
    const model::Model model = write.finish(write.classifier(write.flattened_pool(wide), 4, 2));
    EXPECT_EQ(field_of(model, x).size, 3 + 6 * 2);  // Araujo et al. 2019, eq. 2, along rows or along columns
    EXPECT_EQ(field_of(model, wide).size, 3 + 6 * 2 + 4 * 2);
    EXPECT_EQ(field_of(model, wide).stride, 2);
}

TEST(ReceptiveFields, PaddingAndCroppingMoveNothingInScale) {
    Exporter write({.opset = 17});
    std::string x = write.node("Pad", {write.input(3, 64), write.ints({0, 0, 3, 3, 0, 0, 3, 3})});
    x = write.conv(x, 3, 4, {.kernel = 7, .stride = 2});
    x = write.node("Pad", {x, write.ints({0, 0, 1, 1, 0, 0, 1, 1})});
    x = write.conv(x, 4, 4, {.kernel = 3, .stride = 2});
    const std::string cropped = write.slice(write.slice(x, 2, 10, 16), 3, 10, 16);
    const std::string halved = write.slice(write.slice(x, 2, 0, 16, 2), 3, 0, 16, 2);
    const std::string sum = write.add(write.flattened_pool(cropped), write.flattened_pool(halved));
    const model::Model model = write.finish(write.classifier(sum, 4, 2));
    for (const std::string& tensor : {x, cropped}) {
        EXPECT_EQ(field_of(model, tensor).size, 7 + 2 * 2);
        EXPECT_EQ(field_of(model, tensor).stride, 4);
    }
    EXPECT_EQ(field_of(model, halved).stride, 8);
}

TEST(ReceptiveFields, WhatMixesChannelsAloneSeesNoFurther) {
    for (const int opset : {13, 17}) {  // LayerNorm by its arithmetic, and as one operator
        Exporter write({.opset = opset});
        std::string x = write.conv(write.input(3, 64), 3, 8, {.kernel = 4, .stride = 4});
        x = write.linear(write.layer_norm(write.transpose(x, {0, 2, 3, 1}), 8), 8, 8);
        const std::string map = write.conv(write.transpose(x, {0, 3, 1, 2}), 8, 8, {.kernel = 3, .pad = 1});
        const std::string mixed = write.node("MatMul", {map, write.weight({16, 16}, 0.1)});
        const model::Model model = write.finish(write.classifier(write.flattened_pool(mixed), 8, 2));
        EXPECT_EQ(field_of(model, x).size, 4) << opset;
        EXPECT_EQ(field_of(model, map).size, 4 + 2 * 4) << opset;
        EXPECT_EQ(field_of(model, map).stride, 4) << opset;
        EXPECT_TRUE(std::isinf(field_of(model, mixed).size)) << opset;  // over the columns
    }
}

TEST(ReceptiveFields, StridesAreTheInputsSideByThatOfTheMap) {
    for (const auto& [name, make] : test::exported_networks()) {
        for (const auto style : {test::Style::traced, test::Style::simplified}) {
            for (const int opset : {13, 17}) {
                const test::ExportedNetwork exported = make({.opset = opset, .style = style});
                const Network network = loaded(exported.model);
                const auto shapes = network_shapes(network, network.model);
                const auto fields = model::receptive_fields(network.model.graph, shapes, network.input);
                for (const test::ExportedLayer& layer : exported.layers) {
                    const auto field = fields.find(layer.tensor);
                    ASSERT_NE(field, fields.end()) << name << " " << layer.tensor;
                    // Sides of maps that are not padded are a little less than their share.
                    const double ratio = static_cast<double>(test::exported_size) / static_cast<double>(layer.side);
                    EXPECT_EQ(field->second.stride, std::exp2(std::round(std::log2(ratio))))
                        << name << " " << layer.tensor << " " << opset;
                }
            }
        }
    }
}

TEST(Inspection, ParametersBehindTheLayerAreThoseThatNodesThereRead) {
    // Behind the last attention's input, of width c: query, key and value, the projection, the normalisation and the two
    // layers of the block, the last normalisation, the head. The blocks that a shortcut leads past the layer are not.
    constexpr std::int64_t c = 36, classes = test::exported_classes;
    constexpr std::int64_t attention = (c + 1) * 3 * c + (c + 1) * c, layers = (c + 1) * 2 * c + (2 * c + 1) * c;
    const Inspection found = inspect(loaded(test::vit({.opset = 17}).model));
    EXPECT_EQ(found.target_layer, "target");
    EXPECT_EQ(found.head_parameters, attention + 2 * c + layers + 2 * c + (c + 1) * classes);

    // A weight that is dequantised first.
    Exporter write({.opset = 17});
    const std::string x =
        write.named(write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .pad = 1})), "target");
    const std::string bytes = write.constant(Tensor::of<std::int8_t>({8, 5}, std::vector<std::int8_t>(40, 3)));
    const std::string weight = write.node("DequantizeLinear", {bytes, write.number(0.1F)});
    const model::Model model = write.finish(write.node("MatMul", {write.flattened_pool(x), weight}));
    const Inspection dequantised = inspect(loaded(model));
    EXPECT_EQ(dequantised.target_layer, "target");
    EXPECT_EQ(dequantised.head_parameters, 40);
    EXPECT_EQ(dequantised.parameters, 40 + 3 * 8 * 9 + 8);
}

TEST(Costs, WhatASubgraphReadsIsCountedWhereItIsRead) {
    Exporter write({.opset = 17});
    const std::string x = write.input(3, 16);
    const std::string matrix = write.weight({8, 5}, 0.1);
    model::Model model = write.finish(write.node("Identity", {x}));
    model::Opaque branch;
    branch.reads = {matrix, x};
    model.graph.nodes.push_back({.op_type = "If",
                                 .inputs = {"condition"},
                                 .outputs = {"chosen"},
                                 .attributes = {{"then_branch", branch}, {"else_branch", branch}}});
    const model::Shapes shapes = model::infer_shapes(model, {{x, {1, 3, 16, 16}}});
    EXPECT_EQ(model::cost(model.graph, shapes).parameters, 40);
}

/// A network of a convolution and a linear layer for this many images a pass; 0: any number.
model::Model of_batch(std::int64_t images) {
    Exporter write({.opset = 17});
    const std::string x = write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .pad = 1}));
    model::Model model = write.finish(write.classifier(write.flattened_pool(x), 8, 5));
    if (images > 0) model.graph.inputs.front().shape->front() = {.value = images};
    return model;
}

TEST(Costs, AreThoseOfOneImageWhateverTheBatch) {
    constexpr std::int64_t of_one = 16 * 16 * 8 * (3 * 9) + 8 * 5;
    for (const std::int64_t batch : {0, 1, 8}) EXPECT_EQ(inspect(loaded(of_batch(batch))).multiply_adds, of_one);
}

TEST(Costs, WindowsCutFromAnImageAllCount) {
    Exporter write({.opset = 17, .style = test::Style::simplified});
    std::string x = write.conv(write.input(3, 16), 3, 8, {.kernel = 4, .stride = 4});
    x = write.reshape(write.transpose(x, {0, 2, 3, 1}), {test::batch, 4, 8}, 4);  // 4 windows of 4 positions
    x = write.reshape(write.linear(x, 8, 8), {test::batch, 16, 8}, -4);
    const model::Model model = write.finish(write.classifier(write.mean(x, {1}, false), 8, 5));
    EXPECT_EQ(inspect(loaded(model)).multiply_adds, 16 * 8 * (3 * 16) + 16 * 8 * 8 + 8 * 5);
}

TEST(Costs, ProductsOfIntegersAndEinsumCount) {
    model::Model model{.opsets = {{"", 17}}};
    model::Shapes shapes = model::infer_shapes(model, {});
    const auto set = [&](const std::string& name, const Shape& shape) {
        shapes.set(name, {.type = DataType::float32, .shape = shape}, {.type = DataType::float32, .shape = shape});
    };
    const auto cost_of = [&](const model::Node& node) {
        model::Graph graph;
        graph.nodes.push_back(node);
        return model::cost(graph, shapes).multiply_adds;
    };
    set("map", {1, 4, 10, 10});
    set("kernel", {6, 4, 3, 3});
    set("made", {1, 6, 8, 8});
    set("rows", {1, 7, 4});
    set("matrix", {4, 6});
    set("product", {1, 7, 6});
    set("queries", {1, 2, 7, 4});
    set("keys", {1, 2, 9, 4});
    set("weights", {1, 2, 7, 9});
    EXPECT_EQ(cost_of({.op_type = "ConvInteger", .inputs = {"map", "kernel"}, .outputs = {"made"}}),
              6 * 8 * 8 * 4 * 3 * 3);
    EXPECT_EQ(
        cost_of(
            {.op_type = "QLinearConv", .inputs = {"map", "s", "z", "kernel", "s", "z", "s", "z"}, .outputs = {"made"}}),
        6 * 8 * 8 * 4 * 3 * 3);
    EXPECT_EQ(cost_of({.op_type = "MatMulInteger", .inputs = {"rows", "matrix"}, .outputs = {"product"}}), 7 * 4 * 6);
    EXPECT_EQ(cost_of({.op_type = "QLinearMatMul",
                       .inputs = {"rows", "s", "z", "matrix", "s", "z", "s", "z"},
                       .outputs = {"product"}}),
              7 * 4 * 6);
    const auto einsum = [&](const std::string& equation, const std::string& a, const std::string& b) {
        return cost_of(
            {.op_type = "Einsum", .inputs = {a, b}, .outputs = {"weights"}, .attributes = {{"equation", equation}}});
    };
    EXPECT_EQ(einsum("bhqd, bhkd -> bhqk", "queries", "keys"), 2 * 7 * 9 * 4);
    EXPECT_EQ(einsum("...qd,...kd->...qk", "queries", "keys"), 2 * 7 * 9 * 4);
    EXPECT_EQ(einsum("ntc,ck->ntk", "rows", "matrix"), 7 * 4 * 6);
}

TEST(Inspection, ListsNoTensorWithoutPositions) {
    Exporter write({.opset = 17});
    const std::string x = write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    const std::string scores = write.softmax(write.classifier(write.flattened_pool(x), 8, 5));
    const model::Model model =
        write.finish(write.node("ReduceMax", {scores}, {{"axes", test::Ints{1}}, {"keepdims", std::int64_t{1}}}));
    const Network network = loaded(model);
    const Inspection found = inspect(network);
    ASSERT_FALSE(found.candidates.empty());
    const auto shapes = network_shapes(network, network.model);
    for (const LayerCandidate& candidate : found.candidates)
        EXPECT_EQ(test::error_of([&] { find_target_layer(network, shapes, candidate.tensor); }), "");
}

}  // namespace
}  // namespace locus::explain
