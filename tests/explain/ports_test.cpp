/// Which of a model's inputs takes the image, which of its outputs are scores, and inputs that are no floating-point
/// numbers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "error_of.hpp"
#include "explain/inspection.hpp"
#include "explain/method.hpp"
#include "explain/network.hpp"
#include "model/head.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "model/score_outputs.hpp"
#include "support/exported/networks.hpp"
#include "support/loaded_network.hpp"
#include "support/scratch_folder.hpp"

namespace locus::explain {
namespace {

using test::loaded;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

model::Model tiny() { return model::build({.name = "tiny", .classes = 5, .image_size = 32, .opset = 17, .seed = 3}); }

model::ValueInfo floats(const std::string& name, std::size_t rank) {
    return {.name = name,
            .type = DataType::float32,
            .shape = std::vector<model::Dimension>(rank, model::Dimension{.symbol = "n"})};
}

TEST(Outputs, ScoresComeBehindTheLayersThatAreOutputsToo) {
    model::Model model = tiny();
    const model::ClassifierHead head = model::find_head(model);
    auto& outputs = model.graph.outputs;
    outputs.insert(outputs.begin(), {floats(head.target_layer, 4), floats(head.pooled, 2)});
    EXPECT_THAT(model::score_outputs(model), ElementsAre(head.output));
    EXPECT_EQ(model::find_head(model).output, head.output);
    EXPECT_THAT(loaded(model).warnings, SizeIs(0));
}

TEST(Outputs, OfSeveralThatMayBeScoresOneIsTakenAndSaid) {
    model::Model model = tiny();
    const model::ClassifierHead head = model::find_head(model);
    model.graph.nodes.push_back({.op_type = "Neg", .inputs = {head.target_layer}, .outputs = {"aside"}});
    model.graph.nodes.push_back({.op_type = "Flatten", .inputs = {"aside"}, .outputs = {"auxiliary"}});
    model.graph.outputs.push_back(floats("auxiliary", 2));
    EXPECT_THAT(loaded(model).warnings,
                ElementsAre(HasSubstr("'" + head.output + "' is explained, not 'auxiliary' (--output)")));
    // By name, not by place.
    std::rotate(model.graph.outputs.begin(), model.graph.outputs.end() - 1, model.graph.outputs.end());
    ASSERT_EQ(head.output, "logits");
    EXPECT_EQ(model.graph.outputs.front().name, "auxiliary");
    EXPECT_EQ(model::find_head(model).output, "logits");
}

/// An embedding `embedding` [n, 8], the scores `probs` [n, 5] behind a softmax, nothing declared but the scores.
test::Exporter scoring() {
    test::Exporter write({.opset = 17});
    const std::string x = write.relu(write.conv(write.input(3, 16), 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    const std::string embedding = write.named(write.flattened_pool(x), "embedding");
    write.named(write.softmax(write.named(write.classifier(embedding, 8, 5), "inner")), "probs");
    return write;
}

/// The model with these outputs, "/int" after those of whole numbers.
model::Model with_outputs(test::Exporter write, const std::vector<std::string>& names) {
    model::Model model = write.finish(write.node("Identity", {"embedding"}));
    std::erase_if(model.graph.nodes, [](const model::Node& node) { return node.output(0) == "logits"; });
    model.graph.outputs.clear();
    for (const std::string& name : names) {
        const bool whole = name.ends_with("/int");
        model.graph.outputs.push_back(floats(whole ? name.substr(0, name.size() - 4) : name, 2));
        if (whole) model.graph.outputs.back().type = DataType::int64;
    }
    return model;
}

TEST(Outputs, WhatIsPickedFromScoresIsNotExplainedInTheirPlace) {
    test::Exporter write = scoring();
    const auto sorted = write.nodes("TopK", {"probs", write.ints({5})}, 2);
    write.named(sorted[0], "sorted");
    write.named(sorted[1], "order");
    write.named(write.node("ReduceMax", {"probs"}, {{"axes", test::Ints{1}}}), "confidence");
    const auto information = write.mul("probs", write.node("Log", {"probs"}));
    write.named(write.node("Neg", {write.node("ReduceSum", {information, write.ints({1})})}), "entropy");
    write.named(write.node("Gather", {"probs", write.ints({3, 1})}, {{"axis", std::int64_t{1}}}), "two");
    const model::Model model =
        with_outputs(write, {"confidence", "embedding", "sorted", "order/int", "entropy", "two", "probs"});
    EXPECT_THAT(model::score_outputs(model), ElementsAre("probs"));
    const Network network = loaded(model);
    EXPECT_EQ(network.head.output, "probs");
    EXPECT_THAT(network.warnings, SizeIs(0));
    EXPECT_EQ(inspect(network).classes, 5);
}

TEST(Outputs, WhatIsComputedByLayersGoesBeforeItsSource) {
    test::Exporter write = scoring();
    // Distances to prototypes: reduced over the embedding's values, which are no classes.
    const std::string away =
        write.node("Sub", {write.node("Unsqueeze", {"embedding", write.ints({1})}), write.weight({1, 4, 8}, 0.5)});
    write.named(write.node("ReduceSum", {write.mul(away, away), write.ints({2})}, {{"keepdims", std::int64_t{0}}}),
                "distances");
    EXPECT_THAT(model::score_outputs(with_outputs(write, {"embedding", "distances"})), ElementsAre("distances"));
    // A vector of length 1 is the vector still.
    const std::string length = write.node("ReduceL2", {"embedding"}, {{"axes", test::Ints{1}}});
    write.named(write.node("Div", {"embedding", length}), "unit");
    EXPECT_THAT(model::score_outputs(with_outputs(write, {"embedding", "unit"})), ElementsAre("unit"));
    // The mean of two heads is theirs together.
    write.named(write.classifier("embedding", 8, 5), "other");
    const std::string both = write.concat(
        {write.node("Unsqueeze", {"inner", write.ints({1})}), write.node("Unsqueeze", {"other", write.ints({1})})}, 1);
    write.named(write.mean(both, {1}, false), "mean");
    EXPECT_THAT(model::score_outputs(with_outputs(write, {"inner", "other", "mean"})), ElementsAre("mean"));
}

TEST(Outputs, NamedScoresStayScoresWhereALayerReadsThem) {
    test::Exporter write = scoring();
    write.named("probs", "probabilities");
    write.named(write.classifier("probabilities", 5, 2), "groups");
    const model::Model model = with_outputs(write, {"groups", "probabilities"});
    EXPECT_THAT(model::score_outputs(model), ElementsAre("probabilities", "groups"));
    EXPECT_THAT(loaded(model).warnings, ElementsAre(HasSubstr("'probabilities' is explained, not 'groups'")));
}

TEST(Outputs, ClassNumbersAndSortedValuesAreRefusedByWhatTheyAreMadeFrom) {
    test::Exporter write = scoring();
    const auto sorted = write.nodes("TopK", {"probs", write.ints({3})}, 2);
    write.named(sorted[0], "values");
    write.named(sorted[1], "order");
    write.named(write.node("ArgMax", {"probs"}, {{"axis", std::int64_t{1}}}), "label");
    write.named(write.node("Cast", {"label"}, {{"to", std::int64_t{1}}}), "float label");
    const auto refusal = [&](const std::vector<std::string>& outputs) {
        return test::error_of([&] { loaded(with_outputs(write, outputs)); });
    };
    const std::string instead = "not a score for each class: --output probs explains";
    EXPECT_THAT(refusal({"label/int"}), testing::AllOf(HasSubstr("'label' holds class numbers"), HasSubstr(instead)));
    EXPECT_THAT(refusal({"float label"}), testing::AllOf(HasSubstr("holds class numbers"), HasSubstr(instead)));
    EXPECT_THAT(refusal({"values", "order/int"}), testing::AllOf(HasSubstr("holds sorted values"), HasSubstr(instead)));
    EXPECT_THAT(refusal({"embedding", "values"}), HasSubstr("holds sorted values"));
    const test::ScratchFolder folder;
    model::save(with_outputs(write, {"label/int"}), folder.path() / "label.onnx");
    const Network network = load_network(folder.path() / "label.onnx", {.output = "probs"});
    EXPECT_EQ(network.head.logits, "inner");
    EXPECT_EQ(network.head.activation, model::Activation::softmax);
    EXPECT_EQ(inspect(network).classes, 5);
    const auto prepared = find_method("cam").prepare(network, {});
    EXPECT_EQ(prepared.explain(random_input(network, 1, 4), {}).logits.shape(), (Shape{1, 5}));
    EXPECT_THAT(test::error_of([&] { load_network(folder.path() / "label.onnx", {.output = "prob"}); }),
                HasSubstr("no output 'prob'"));
}

TEST(Inputs, WhatIsFedDoesNotTakeTheImage) {
    model::Model model = tiny();
    model.graph.inputs.push_back(floats("gate", 4));
    EXPECT_THAT(test::error_of([&] { model::find_image_input(model.graph); }), HasSubstr("say with --input"));
    EXPECT_EQ(model::find_image_input(model.graph, "", {"gate"}).name, model.graph.inputs.front().name);
}

/// A network fed with bytes, laid out in the order of NHWC or not.
model::Model fed_with_bytes(bool moves_first, DataType type) {
    test::Exporter write({.opset = 17});
    std::string pixels = write.input(3, 16);
    if (moves_first) pixels = write.node("Identity", {pixels});
    const std::string numbers = write.node("Cast", {pixels}, {{"to", std::int64_t{1}}});
    const std::string x = write.relu(write.conv(numbers, 3, 8, {.kernel = 3, .stride = 2, .pad = 1}));
    model::Model model = write.finish(write.classifier(write.flattened_pool(x), 8, 4));
    model.graph.inputs.front().type = type;
    return model;
}

TEST(Inputs, GradientsByPixelsReachThroughBytes) {
    for (const bool moves_first : {false, true}) {
        const Network bytes = loaded(fed_with_bytes(moves_first, DataType::uint8));
        const Network numbers = loaded(fed_with_bytes(moves_first, DataType::float32));
        const Tensor x = random_input(bytes, 1, 4);
        for (const char* method : {"saliency", "input-x-gradient", "full-grad", "guided-grad-cam"}) {
            const Tensor maps = find_method(method).prepare(bytes, {}).explain(x, {}).maps;
            const Tensor same = find_method(method).prepare(numbers, {}).explain(x.to_float32(), {}).maps;
            ASSERT_EQ(maps.size(), same.size());
            float greatest = 0;
            for (std::int64_t i = 0; i < maps.size(); ++i) {
                EXPECT_NEAR(maps.values<float>()[i], same.values<float>()[i], 1e-5) << method;
                greatest = std::max(greatest, std::abs(same.values<float>()[i]));
            }
            EXPECT_GT(greatest, 1e-3F) << method;
        }
    }
}

TEST(Inspection, ListsWhatLayerTakes) {
    for (const model::Model& model : {tiny(), test::vit_mean({.opset = 17}).model}) {
        const Network network = loaded(model);
        const Inspection found = inspect(network);
        ASSERT_THAT(found.candidates, testing::Not(testing::IsEmpty()));
        EXPECT_TRUE(std::ranges::any_of(found.candidates, [&](const LayerCandidate& candidate) {
            return candidate.tensor == found.target_layer;
        })) << found.target_layer;
        const auto prepare_grad_cam = find_method("grad-cam").prepare;
        for (const LayerCandidate& candidate : found.candidates)
            EXPECT_EQ(prepare_grad_cam(network, {.layer = candidate.tensor}).target_layer, candidate.tensor);
    }
}

TEST(Broken, ChannelsAndGroupsOfZeroEndInASentence) {
    model::Model model = tiny();
    for (model::Node& node : model.graph.nodes) {
        if (node.is("Conv")) node.attributes["group"] = std::int64_t{0};
    }
    const test::ScratchFolder folder;
    model::save(model, folder.path() / "groups.onnx");
    EXPECT_NE(test::error_of([&] {
                  const Network network = load_network(folder.path() / "groups.onnx", {});
                  inspect(network);
                  find_method("saliency").prepare(network, {});
              }),
              "");
}

}  // namespace
}  // namespace locus::explain
