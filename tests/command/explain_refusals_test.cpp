/// What `locus explain` refuses or warns of, in one sentence.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "command/explain_command.hpp"
#include "files/npy.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ExplainCommand;
using test::Outcome;
using testing::ContainsRegex;
using testing::HasSubstr;

TEST_F(ExplainCommand, AnswersThatCannotBeWrittenAreAFailure) {
    for (const char* arguments : {"explain -m model.onnx photos --json", "--help", "--version"}) {
        const std::string line = "cd " + test::quoted(folder_.path().string()) + " && " + test::quoted(LOCUS_COMMAND) +
                                 ' ' + arguments + " >/dev/full 2>errors";
        const int status = std::system(line.c_str());
        ASSERT_TRUE(WIFEXITED(status));
        EXPECT_EQ(WEXITSTATUS(status), 1) << arguments;
        EXPECT_THAT(test::read_text(path("errors")), HasSubstr("standard output could not be written")) << arguments;
    }
}

TEST_F(ExplainCommand, WrongUsageExitsWithTwoAndSaysWhatIsNear) {
    const auto expect_usage = [&](const std::vector<std::string>& arguments, const std::string& hint) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(hint));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    };
    expect_usage({"explain", "-m", "model.onnx", "photos", "--method", "grad-cma"}, "grad-cam");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-c", "dogg"}, "'dog'");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-c", "crane"}, "2 (crane), 3 (crane)");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-c", "6"}, "0 to 5");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-c", "top:7"}, "6");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--colormap", "trubo"}, "turbo");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--save", "maps"}, "map");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--input", "x"}, "input");
    expect_usage({"explain", "-m", "model.onnx"}, "INPUT");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--treshold", "0.3"}, "did you mean '--threshold'?");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--size", "96"}, "photos would come as [n, 3, 96, 96]");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-M", "cam", "--grid", "3x5"}, "--grid says how tokens lie");
    expect_usage({"explain", "-m", "model.onnx", "photos", "-M", "layer-cam", "--grid", "3x5"}, "for layers of tokens");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--seed", "-1"}, "whole number");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--mean", "123.675,116.28,103.53"}, "divide by 255");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--size", "20000x1"}, "at most 16384 each");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--std", "58.4,57.1,57.4"}, "divide by 255");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--color", "gray", "--mean", "0.1,0.5,0.9"},
                 "--mean has three values, but the network takes grey pictures: give one");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--labels", ""}, "--labels: its value is empty");
    expect_usage({"explain", "-m", "model.onnx", "photos", "--save", "none,map"}, "not both");
    expect_usage({"inspect", "model.onnx", "--size", "96"}, "photos would come as [n, 3, 96, 96]");
    expect_usage({"explain", "-m", "", "photos"}, "an empty name is no model file");
    expect_usage({"inspect", ""}, "an empty name is no model file");
}

TEST_F(ExplainCommand, ABrokenModelIsOneSentence) {
    const auto expect_failure = [&](const std::string& model, const std::string& hint) {
        const Outcome outcome = run({"explain", "-m", model, "photos"});
        EXPECT_EQ(outcome.exit_code, 1) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(hint));
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    };
    expect_failure("missing.onnx", "missing.onnx");
    expect_failure("photos/a/cat.jpg", "cat.jpg");
    const std::string whole = test::read_text(path("model.onnx"));
    test::write_text(path("cut.onnx"), whole.substr(0, whole.size() / 3));
    expect_failure("cut.onnx", "cut.onnx");
}

TEST_F(ExplainCommand, NamesOfAnyLengthAreNoTrouble) {
    model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    for (model::Node& node : network.graph.nodes) {
        if (node.is("Relu")) node.op_type = node.name = std::string(300'000, 'R');
    }
    model::save(network, path("long.onnx"));
    const Outcome outcome = run({"explain", "-m", "long.onnx", "photos", "-M", "occlusion"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_LT(outcome.err.size(), 5000U);
}

TEST_F(ExplainCommand, ABatchDeclaredAsZeroIsAnyBatch) {
    model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    network.graph.inputs.front().shape->front() = {.value = 0};
    network.graph.outputs.front().shape->front() = {.value = 0};
    model::save(network, path("zero.onnx"));
    for (const char* method : {"cam", "grad-cam", "occlusion"})
        EXPECT_EQ(run({"explain", "-m", "zero.onnx", "photos/wide.png", "-M", method}).exit_code, 0) << method;
}

TEST_F(ExplainCommand, AModelOfAFormatToComeIsRefused) {
    model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    network.ir_version = 99;
    model::save(network, path("new.onnx"));
    const Outcome outcome = run({"explain", "-m", "new.onnx", "photos"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("the model's format (IR version 99) is newer than"));
}

TEST_F(ExplainCommand, ANetworkWithNaNInItsWeightsIsRefusedAndTheWeightNamed) {
    model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    for (auto& [name, tensor] : network.graph.initializers) {
        if (tensor.type() == DataType::float32 && tensor.rank() == 4) tensor.mutable_values<float>()[0] = std::nanf("");
    }
    model::save(network, path("nan.onnx"));
    const std::vector<std::vector<std::string>> commands{{"explain", "-m", "nan.onnx", "photos", "--size", "64"},
                                                         {"inspect", "nan.onnx"},
                                                         {"annotate", "nan.onnx", "-o", "annotated.onnx"}};
    for (const auto& arguments : commands) {
        const Outcome outcome = run(arguments);
        EXPECT_EQ(outcome.exit_code, 1);
        EXPECT_THAT(outcome.err, ContainsRegex("its weight '[^']+' holds NaN"));
    }
    EXPECT_FALSE(std::filesystem::exists(path("annotated.onnx")));
}

TEST_F(ExplainCommand, AssumedStatisticsAreAWarningOfTheResults) {
    model::save(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64}), path("bare.onnx"));
    const Outcome assumed = run({"explain", "-m", "bare.onnx", "photos"});
    constexpr const char* sentence =
        "the model does not say how photos are normalised: ImageNet's mean and std are taken (--mean, --std)";
    EXPECT_THAT(assumed.err, HasSubstr(std::string("locus: warning: ") + sentence + "\n"));
    EXPECT_EQ(results()["warnings"], json({sentence}));
    // Given, if only as what they would have been.
    const Outcome given =
        run({"explain", "-m", "bare.onnx", "photos", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"});
    EXPECT_EQ(results()["warnings"], json::array());
    EXPECT_EQ(results()["preprocessing"]["sources"]["mean"], "given");
    run({"explain", "-m", "bare.onnx", "photos", "--mean", "0.5"});
    EXPECT_THAT(results()["warnings"][0].get<std::string>(), HasSubstr("ImageNet's std is taken (--std)"));
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "photos"}).exit_code, 0);
    EXPECT_EQ(results()["warnings"], json::array());
    // No array is normalised by them.
    files::write_npy(path("x.npy"), Tensor(DataType::float32, {3, 64, 64}));
    EXPECT_THAT(run({"explain", "-m", "bare.onnx", "x.npy"}).err, testing::Not(HasSubstr("normalised")));
    EXPECT_EQ(results()["warnings"], json::array());
    run({"explain", "-m", "bare.onnx", "x.npy", "photos"});
    EXPECT_EQ(results()["warnings"], json({sentence}));
}

TEST_F(ExplainCommand, WhatHasNoEffectIsAWarning) {
    const Outcome without = run({"explain", "-m", "model.onnx", "photos", "--decompose", "2", "-M", "layer-cam"});
    EXPECT_EQ(without.exit_code, 0);
    EXPECT_THAT(without.err, HasSubstr("no map is taken apart (--decompose)"));
    const Outcome with = run({"explain", "-m", "model.onnx", "photos", "--decompose", "2", "-M", "layer-cam,cam"});
    EXPECT_THAT(with.err, testing::Not(HasSubstr("taken apart")));
}

TEST_F(ExplainCommand, ScoresThatAreNoNumbersAreAFailure) {
    model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
    for (const model::Node& node : network.graph.nodes) {
        if (!node.is("Gemm")) continue;
        for (float& weight : network.graph.initializers.at(node.input(1)).mutable_values<float>()) weight *= 1e30F;
    }
    model::save(network, path("huge.onnx"));
    const Outcome outcome =
        run({"explain", "-m", "huge.onnx", "photos", "--size", "64", "--std", "1e-9", "--range", "65535"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("scores for this input are not numbers"));
    EXPECT_EQ(results()["images"].size(), 0U);
    EXPECT_EQ(results()["failed"].size(), 3U);
}

TEST_F(ExplainCommand, WhatIsRefusedLeavesTheEarlierRunAsItWas) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos"}).exit_code, 0);
    const json before = results();
    test::write_text(path("five.txt"), "a\nb\nc\nd\ne\n");
    for (const auto& [option, value] : {std::pair<std::string, std::string>{"--threshold", "nan"},
                                        {"--alpha", "nan"},
                                        {"--labels", "five.txt"},
                                        {"--out", ""}}) {
        const Outcome outcome = run({"explain", "-m", "model.onnx", "photos", option, value});
        EXPECT_EQ(outcome.exit_code, 2) << option << ": " << outcome.err;
        EXPECT_TRUE(fs::exists(path("locus-out/overlays/wide.jpg"))) << option;
    }
    EXPECT_EQ(results(), before);
    for (const char* file : {"locus-out/overlays", "locus-out/overlays/deep/below.png"}) {
        if (std::string(file).ends_with(".png")) test::write_text(path(file), "");
        const Outcome its_own = run({"explain", "-m", "model.onnx", file});
        EXPECT_EQ(its_own.exit_code, 2) << file;
        EXPECT_THAT(its_own.err, HasSubstr("was written by the run in 'locus-out'")) << file;
    }
    const Outcome mistyped = run({"explain", "-m", "model.onnx", "fotos"});
    EXPECT_EQ(mistyped.exit_code, 1);
    EXPECT_THAT(mistyped.err, HasSubstr("the finished run in 'locus-out' is left as it is"));
    EXPECT_EQ(results(), before);
    EXPECT_THAT(run({"explain", "-m", "model.onnx", "photos", "--labels", "five.txt"}).err,
                HasSubstr("there are 5 labels, but the model has 6 classes"));
}

TEST_F(ExplainCommand, AForeignFolderIsNotTouched) {
    test::write_text(path("mine/thesis.txt"), "precious");
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos", "-o", "mine"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("with --out,"));
    EXPECT_EQ(test::read_text(path("mine/thesis.txt")), "precious");
    EXPECT_FALSE(fs::exists(path("mine/results.json")));
    // Beside them on demand; a report that this run does not write is not its own.
    test::write_text(path("mine/report.html"), "precious");
    for (int i = 0; i < 2; ++i) {
        ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-o", "mine", "--overwrite", "-s", "map"}).exit_code,
                  0);
        EXPECT_EQ(test::read_text(path("mine/report.html")), "precious");
        EXPECT_EQ(test::read_text(path("mine/thesis.txt")), "precious");
    }
}

}  // namespace
}  // namespace locus
