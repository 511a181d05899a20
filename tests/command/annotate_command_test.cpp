#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/metadata/preprocessing_metadata.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace model = locus::model;
using locus::test::run_locus;
using locus::test::ScratchFolder;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(AnnotateCommand, WritesWhatIsGivenAndLeavesTheGraph) {
    const ScratchFolder folder;
    const model::Model built = model::build({.name = "tiny", .classes = 2, .width = 0.1});
    model::save(built, folder / "in.onnx");
    folder.write("labels.txt", "cat\r\ndog\r\n");
    const auto outcome =
        run_locus(folder.path(), {"annotate", "in.onnx", "--labels", "labels.txt", "--mean", "0.1,0.2,0.3", "--std",
                                  "0.5", "--color", "bgr", "--resize", "crop", "--crop-pct", "0.9", "-o", "out.onnx"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    model::Model annotated = model::load(folder / "out.onnx");
    const auto found = model::read_metadata(annotated, {}, annotated.graph.inputs.front());
    EXPECT_THAT(found.preprocessing.mean, ElementsAre(0.1F, 0.2F, 0.3F));
    EXPECT_THAT(found.preprocessing.std, ElementsAre(0.5F, 0.5F, 0.5F));
    EXPECT_EQ(found.preprocessing.color, locus::ColorOrder::bgr);
    EXPECT_EQ(found.preprocessing.resize, locus::Resize::crop);
    EXPECT_EQ(found.preprocessing.crop_pct, 0.9F);
    EXPECT_EQ(found.preprocessing.width, 64);
    EXPECT_THAT(found.labels, ElementsAre("cat", "dog"));
    EXPECT_EQ(found.origins.at("labels"), "model metadata");
    annotated.metadata.clear();
    EXPECT_EQ(model::serialize(annotated), model::serialize(built));
}

TEST(AnnotateCommand, AModelMayBeAnnotatedInItsPlaceAndAgain) {
    const ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 2, .width = 0.1}), folder / "m.onnx");
    folder.write("l.json", R"({"0": "cat", "1": "dog"})");
    EXPECT_EQ(run_locus(folder.path(), {"annotate", "m.onnx", "--labels", "l.json", "-o", "m.onnx"}).exit_code, 0);
    EXPECT_EQ(run_locus(folder.path(), {"annotate", "m.onnx", "--mean", "0.5", "-o", "m.onnx"}).exit_code, 0);
    const model::Model m = model::load(folder / "m.onnx");
    EXPECT_EQ(m.metadata.at("labels"), "cat\ndog");
    EXPECT_EQ(m.metadata.at("mean"), "0.5,0.5,0.5");
}

TEST(AnnotateCommand, WhatCannotBeIsRefused) {
    const ScratchFolder folder;
    model::save(model::build({.name = "tiny", .classes = 3, .width = 0.1}), folder / "m.onnx");
    folder.write("two.txt", "cat\ndog\n");
    const auto run = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"annotate", "-o", "out.onnx"});
        return run_locus(folder.path(), arguments);
    };
    const auto too_few = run({"m.onnx", "--labels", "two.txt"});
    EXPECT_EQ(too_few.exit_code, 2);
    EXPECT_THAT(too_few.err, HasSubstr("holds 2 labels, but the model has 3 classes"));
    EXPECT_EQ(run({"m.onnx", "--std", "0"}).exit_code, 2);
    EXPECT_EQ(run({"m.onnx", "--input", "imput"}).exit_code, 2);
    EXPECT_EQ(run({"none.onnx", "--mean", "0.5"}).exit_code, 1);
    EXPECT_EQ(run({"m.onnx", "--labels", "none.txt"}).exit_code, 1);
    for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{
             {"--size", "96"}, {"--layout", "nhwc"}, {"--color", "gray"}}) {
        const auto unfit = run({"m.onnx", option, value});
        EXPECT_EQ(unfit.exit_code, 2) << option;
        EXPECT_THAT(unfit.err, HasSubstr("takes float [n, 3, 64, 64], but photos would come as")) << option;
    }
    for (const char* range : {"0", "-1", "nan", "1e6"}) EXPECT_EQ(run({"m.onnx", "--range", range}).exit_code, 2);
    EXPECT_THAT(run({"m.onnx", "--crop-pct", "0.9"}).err, HasSubstr("add --resize crop"));
    EXPECT_FALSE(std::filesystem::exists(folder / "out.onnx"));
}
