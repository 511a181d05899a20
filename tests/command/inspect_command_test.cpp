#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "files/npy.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace model = locus::model;
using locus::test::run_locus;
using locus::test::ScratchFolder;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

namespace {

class InspectCommand : public testing::Test {
protected:
    json inspected(const model::Model& built, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"inspect", "m.onnx", "--json"});
        model::save(built, folder_ / "m.onnx");
        const auto outcome = run_locus(folder_.path(), more);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        return json::parse(outcome.out);
    }

    static std::string obstacle_of(const json& inspection, const std::string& method) {
        for (const json& verdict : inspection["methods"]) {
            if (verdict["name"] != method) continue;
            EXPECT_EQ(verdict["applies"], verdict["obstacle"].is_null());
            return verdict["applies"] ? "" : verdict["obstacle"].get<std::string>();
        }
        return "no such method";
    }

    const ScratchFolder folder_;
};

// Parameters without batch normalisation's two running statistics a channel are torchvision's own figures.
TEST_F(InspectCommand, AResidualNetworkIsAsItsPaperHasIt) {
    const json found = inspected(model::build({.name = "resnet50"}));
    constexpr int normalised_channels = 26560;
    EXPECT_EQ(found["parameters"], 25557032 + 2 * normalised_channels);
    EXPECT_EQ(found["multiply_adds"], 4089184256);
    EXPECT_EQ(found["head"]["kind"], "global pool, linear layer");
    EXPECT_EQ(found["head"]["pool"], "mean");
    EXPECT_EQ(found["head"]["parameters"], 2048 * 1000 + 1000);
    EXPECT_EQ(found["head"]["fully_connected_parameters"], 7 * 7 * 2048 * 1000 + 1000);
    EXPECT_EQ(found["target_layer"], "layer4.2.relu3");
    EXPECT_EQ(found["automatic_method"], "cam");
    EXPECT_EQ(found["classes"]["count"], 1000);
    EXPECT_EQ(found["layers"][1]["tensor"], "layer1.2.relu3");  // no tensor inside a block of layer2
    const json& last = found["layers"].back();
    EXPECT_EQ(last["tensor"], found["target_layer"]);
    EXPECT_EQ(last["shape"], json({-1, 2048, 7, 7}));
    EXPECT_EQ(last["stride"], 32);
    // 7 pixels of the first convolution, 4 more of the pool, then twice its input's stride for each 3 x 3 of the 3, 4,
    // 6 and 3 blocks: 11 + 3 * 8 + (8 + 3 * 16) + (16 + 5 * 32) + (32 + 2 * 64).
    EXPECT_EQ(last["receptive_field"], 427);
    EXPECT_EQ(obstacle_of(found, "cam"), "");
    EXPECT_EQ(obstacle_of(found, "finer-cam"), "");
}

TEST_F(InspectCommand, BoundsAreNoParameters) {
    // torchvision's figure for MobileNetV2, and batch normalisation's running statistics; 35 pairs of bounds (Clip) are
    // none.
    const model::Model built = model::build({.name = "mobilenet-v2"});
    std::int64_t statistics = 0;
    for (const model::Node& node : built.graph.nodes) {
        if (node.is("BatchNormalization")) statistics += 2 * built.graph.initializers.at(node.input(3)).size();
    }
    EXPECT_EQ(inspected(built)["parameters"], 3504872 + statistics);
}

TEST_F(InspectCommand, FullyConnectedLayersAreNoHeadForCam) {
    const json found = inspected(model::build({.name = "vgg16", .width = 0.125}));
    EXPECT_EQ(found["head"]["kind"], "other");
    EXPECT_THAT(found["head"]["obstacle"].get<std::string>(), HasSubstr("not a global pool"));
    EXPECT_EQ(found["head"]["obstacle"], obstacle_of(found, "cam"));
    EXPECT_EQ(obstacle_of(found, "grad-cam"), "");
    EXPECT_NE(found["automatic_method"], "cam");
    EXPECT_GT(found["head"]["parameters"].get<double>(), found["parameters"].get<double>() / 2);
}

TEST_F(InspectCommand, ASingleScoreHasNoNearestClass) {
    const json found = inspected(model::build({.name = "tiny", .classes = 1}));
    EXPECT_EQ(found["classes"]["count"], 1);
    EXPECT_THAT(obstacle_of(found, "finer-cam"), HasSubstr("needs two classes"));
    EXPECT_EQ(obstacle_of(found, "grad-cam"), "");
    const auto outcome = run_locus(folder_.path(), {"inspect", "m.onnx"});
    EXPECT_THAT(outcome.out, HasSubstr("1 score in 'logits'"));
}

TEST_F(InspectCommand, PreprocessingIsWrittenAsInResults) {
    const json found = inspected(model::build({.name = "tiny", .channels = 1}), {"--mean", "0.1", "--resize", "crop"});
    const json& p = found["preprocessing"];
    EXPECT_EQ(p["mean"].dump(), "[0.1]");
    EXPECT_EQ(p["color"], "gray");
    EXPECT_EQ(p["resize"], "crop");
    EXPECT_EQ(p["crop_pct"], 0.875);
    EXPECT_EQ(p["sources"]["mean"], "given");
    EXPECT_EQ(p["sources"]["size"], "graph input");
}

TEST_F(InspectCommand, SequencesOfTensorsAreNoTrouble) {
    model::Model built = model::build({.name = "tiny", .classes = 4});
    const std::string pooled = "pooled again";
    for (model::Node& node : built.graph.nodes) {
        if (!node.is("Gemm")) continue;
        model::Node sequence, join;
        sequence.op_type = "SequenceConstruct";
        sequence.inputs = {node.inputs.front()};
        sequence.outputs = {"a sequence"};
        join.op_type = "ConcatFromSequence";
        join.attributes = {{"axis", std::int64_t{1}}};
        join.inputs = {"a sequence"};
        join.outputs = {pooled};
        node.inputs.front() = pooled;
        const auto place = built.graph.nodes.begin() + (&node - built.graph.nodes.data());
        built.graph.nodes.insert(place, {sequence, join});
        break;
    }
    const json found = inspected(built);
    EXPECT_EQ(found["classes"]["count"], 4) << found["classes"];
    EXPECT_EQ(obstacle_of(found, "occlusion"), "");
}

TEST_F(InspectCommand, OtherInputsMayStayWithoutValuesOrBeFed) {
    model::Model built = model::build({.name = "tiny", .classes = 4});
    built.graph.inputs.push_back(
        {.name = "mask",
         .shape = std::vector<model::Dimension>{{.symbol = "m"}, {.value = 3}, {.value = 1}, {.value = 1}}});
    const std::string image = built.graph.inputs.front().name;
    for (model::Node& node : built.graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), image, {"masked"});
    built.graph.nodes.insert(built.graph.nodes.begin(),
                             {.op_type = "Mul", .inputs = {image, "mask"}, .outputs = {"masked"}});
    const json open = inspected(built, {"--input", image});
    EXPECT_EQ(obstacle_of(open, "grad-cam"), "");
    EXPECT_FALSE(open["layers"].empty());
    locus::files::write_npy(folder_ / "mask.npy", locus::Tensor::of<float>({1, 3, 1, 1}, {0.5F, 1, 2}));
    const json fed = inspected(built, {"--input", image, "--feed", "mask=mask.npy"});
    EXPECT_EQ(fed["classes"]["count"], 4);
    EXPECT_EQ(fed["layers"], open["layers"]);
    EXPECT_EQ(fed["parameters"], open["parameters"]);  // the value is none
    const auto outcome = run_locus(folder_.path(), {"inspect", "m.onnx", "--input", image, "--feed", "task=mask.npy"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("no input 'task' to feed"));
}

TEST_F(InspectCommand, NamesOfTensorsDoNotReachTheTerminalRaw) {
    model::Model built = model::build({.name = "tiny", .classes = 2});
    const std::string layer = "a\x1b[31m\xff";
    const std::string before = inspected(built)["target_layer"];
    for (model::Node& node : built.graph.nodes) {
        std::replace(node.inputs.begin(), node.inputs.end(), before, layer);
        std::replace(node.outputs.begin(), node.outputs.end(), before, layer);
    }
    EXPECT_THAT(inspected(built)["target_layer"].get<std::string>(), HasSubstr("\\xFF"));
    const auto outcome = run_locus(folder_.path(), {"inspect", "m.onnx"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("a\\x1B[31m\\xFF"));
    EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b")));
}

}  // namespace
