/// What a run of `locus explain` writes and says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command/explain_command.hpp"
#include "files/npy.hpp"
#include "locus/boxes.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ExplainCommand;
using test::Outcome;
using test::write_picture;
using testing::HasSubstr;

TEST_F(ExplainCommand, WritesEverythingItNames) {
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const json all = results();
    ASSERT_EQ(all["images"].size(), 3U);
    EXPECT_EQ(all["method"], "cam");
    EXPECT_EQ(all["model"]["pool"], "mean");
    EXPECT_TRUE(all["failed"].empty());
    for (const json& image : all["images"]) {
        for (const json& e : image["explanations"]) {
            EXPECT_TRUE(fs::exists(path("locus-out") / e["map"]["file"].get<std::string>()));
            EXPECT_TRUE(fs::exists(path("locus-out") / e["overlay"].get<std::string>()));
            for (const json& box : e["boxes"]) {
                EXPECT_GE(box["x"], 0);
                EXPECT_GE(box["y"], 0);
                EXPECT_LE(box["x"].get<int>() + box["width"].get<int>(), image["width"].get<int>());
                EXPECT_LE(box["y"].get<int>() + box["height"].get<int>(), image["height"].get<int>());
            }
        }
    }
    for (const char* file : {"boxes.csv", "boxes.coco.json", "report.html"})
        EXPECT_TRUE(fs::exists(path("locus-out") / file)) << file;
}

TEST_F(ExplainCommand, MeanOfTheSavedMapPlusBiasIsTheLogit) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-c", "top:6"}).exit_code, 0);
    const json all = results();
    for (const json& image : all["images"]) {
        ASSERT_EQ(image["explanations"].size(), 6U);
        for (const json& e : image["explanations"]) {
            const Tensor map = files::read_npy(path("locus-out") / e["map"]["file"].get<std::string>());
            double sum = 0;
            for (const float value : map.values<float>()) sum += value;
            EXPECT_NEAR(sum / static_cast<double>(map.size()) + e["bias"].get<double>(), e["logit"].get<double>(),
                        1e-4 * std::abs(e["logit"].get<double>()) + 1e-5);
        }
    }
}

TEST_F(ExplainCommand, TheBoxIsThatOfTheSavedMap) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "--threshold", "0.35", "--components", "all"}).exit_code,
              0);
    const json all = results();
    for (const json& image : all["images"]) {
        const json& e = image["explanations"][0];
        const Tensor saved = files::read_npy(path("locus-out") / e["map"]["file"].get<std::string>());
        const auto values = saved.values<float>();
        const Map raw{.width = static_cast<int>(saved.shape()[1]),
                      .height = static_cast<int>(saved.shape()[0]),
                      .values = {values.begin(), values.end()}};
        const auto expected =
            boxes(upsample(raw, image["width"], image["height"]), {.threshold = 0.35, .components = Components::all});
        ASSERT_EQ(e["boxes"].size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            EXPECT_EQ(e["boxes"][i]["x"], expected[i].x);
            EXPECT_EQ(e["boxes"][i]["y"], expected[i].y);
            EXPECT_EQ(e["boxes"][i]["width"], expected[i].width);
            EXPECT_EQ(e["boxes"][i]["height"], expected[i].height);
        }
    }
}

TEST_F(ExplainCommand, ScoresDoNotDependOnWhatIsSaved) {
    write_picture(path("large.jpg"), 380, 300, 4);  // four times the network's input
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "large.jpg"}).exit_code, 0);
    const json seen = results()["images"][0]["explanations"][0]["logit"];
    for (const char* save : {"none", "report", "map,boxes"}) {
        ASSERT_EQ(run({"explain", "-m", "model.onnx", "large.jpg", "--save", save}).exit_code, 0);
        EXPECT_EQ(results()["images"][0]["explanations"][0]["logit"], seen) << save;
    }
}

TEST_F(ExplainCommand, AFolderNamedAsAnOutputIsNotInItsWay) {
    write_picture(path("in/dir.jpg/x.png"), 60, 40, 1);
    write_picture(path("in/dir.png"), 60, 40, 2);
    const Outcome outcome = run({"explain", "-m", "model.onnx", "in"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(fs::is_regular_file(path("locus-out/overlays/dir.jpg")));
    EXPECT_TRUE(fs::is_regular_file(path("locus-out/overlays/dir.jpg_/x.jpg")));
}

TEST_F(ExplainCommand, ResumingAFinishedRunTellsItsFailuresAgain) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "absent.jpg"}).exit_code, 1);
    const Outcome again = run({"explain", "-m", "model.onnx", "photos", "absent.jpg", "--resume"});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_THAT(again.err, HasSubstr("3 explained, 1 failed"));
    fs::remove(path("locus-out/results.json"));
    const Outcome lost = run({"explain", "-m", "model.onnx", "photos", "absent.jpg", "--resume"});
    EXPECT_EQ(lost.exit_code, 2);
    EXPECT_THAT(lost.err, HasSubstr("its results.json is gone"));
}

TEST_F(ExplainCommand, TheSameInputGivesTheSameBytesWhateverTheThreadsAndTheBatch) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-o", "one", "-j", "1"}).exit_code, 0);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-o", "two", "-j", "2", "-b", "2"}).exit_code, 0);
    for (const auto& entry : fs::recursive_directory_iterator(path("one"))) {
        if (!entry.is_regular_file() || entry.path().string().find("/.locus/") != std::string::npos) continue;
        const fs::path other = path("two") / entry.path().lexically_relative(path("one"));
        EXPECT_EQ(test::read_text(entry.path()), test::read_text(other)) << other;
    }
}

TEST_F(ExplainCommand, ARunOfNothingReadableLeavesAnEarlierOneAlone) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-o", "out"}).exit_code, 0);
    const std::string earlier = test::read_text(path("out/results.json"));
    test::write_text(path("page.jpg"), "<html>");
    const Outcome outcome = run({"explain", "-m", "model.onnx", "page.jpg", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("'page.jpg' is not an image"));
    EXPECT_THAT(outcome.err, HasSubstr("the finished run in 'out' is left as it is"));
    EXPECT_EQ(test::read_text(path("out/results.json")), earlier);
}

TEST_F(ExplainCommand, AReaderThatHasGoneDoesNotEndTheRun) {
    for (int i = 0; i < 40; ++i) write_picture(path(fmt::format("many/{}.png", i)), 60, 40, static_cast<unsigned>(i));
    const std::string line =
        fmt::format("cd {} && exec 3> >(true) && wait $! && {} explain -m model.onnx many -o out --json >&3 2>errors",
                    test::quoted(folder_.path().string()), test::quoted(LOCUS_COMMAND));
    EXPECT_EQ(test::exit_code(std::system(("bash -c " + test::quoted(line)).c_str())), 1);
    EXPECT_EQ(results("out")["images"].size(), 40U);
    EXPECT_THAT(test::read_text(path("errors")), HasSubstr("standard output could not be written"));
}

TEST_F(ExplainCommand, AFileInPlaceOfAnEarlierRunsFolderStays) {
    const std::vector<std::string> boxes{"explain", "-m", "model.onnx", "photos", "-o", "out", "-s", "boxes"};
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "-o", "out", "-s", "map"}).exit_code, 0);
    fs::remove_all(path("out/maps"));
    test::write_text(path("out/maps"), "mine");
    EXPECT_EQ(run(boxes).exit_code, 0);
    EXPECT_EQ(test::read_text(path("out/maps")), "mine");
}

TEST_F(ExplainCommand, StandardStreamsThatAreGoneCostNothingButWhatWasSaid) {
    for (int i = 0; i < 20; ++i) test::write_text(path(fmt::format("photos/no-picture-{}.jpg", i)), "text");
    const auto run_with = [&](const std::string& streams, const std::string& out) {
        const std::string line =
            fmt::format("cd {} && {} explain -m model.onnx photos -o {} {}", test::quoted(folder_.path().string()),
                        test::quoted(LOCUS_COMMAND), out, streams);
        return test::exit_code(std::system(line.c_str()));
    };
    EXPECT_EQ(run_with(">said 2>errors", "plain"), 1);
    const std::string expected = test::read_text(path("plain/results.json"));
    const std::vector<std::string> lost{">said 2>/dev/full", ">said 2>&-", ">/dev/full 2>errors", ">&- 2>&-",
                                        "<&- >&- 2>&-"};
    for (std::size_t i = 0; i < lost.size(); ++i) {
        const std::string out = fmt::format("lost-{}", i);
        EXPECT_EQ(run_with(lost[i], out), 1) << lost[i];
        EXPECT_EQ(test::read_text(path(out + "/results.json")), expected) << lost[i];
    }
    EXPECT_THAT(test::read_text(path("errors")), HasSubstr("standard output could not be written"));
}

TEST_F(ExplainCommand, SeveralClassesInOneAreToldApart) {
    const auto error = [&](const std::string& classes, const std::string& model = "model.onnx") {
        const Outcome outcome = run({"explain", "-m", model, "photos", "-c", classes});
        EXPECT_EQ(outcome.exit_code, 2) << classes;
        return outcome.err;
    };
    EXPECT_THAT(error("0,2"), HasSubstr("'0,2' is no class, but several: write -c 0 -c 2\n"));
    EXPECT_THAT(error("top:2,dog"), HasSubstr("write -c top:2 -c dog\n"));
    // What is no list of classes is a name that is spelt wrongly.
    EXPECT_THAT(error("0,dgo"), testing::AllOf(HasSubstr("did you mean"), testing::Not(HasSubstr("write -c"))));
    EXPECT_THAT(error("wolf"), testing::Not(HasSubstr("write -c")));
    model::save(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64}), path("bare.onnx"));
    EXPECT_THAT(error("0,2", "bare.onnx"), HasSubstr("'0,2' is no class, but several: write -c 0 -c 2\n"));
    // A label of the model itself.
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "photos", "-c", "cat, tom"}).exit_code, 0);
}

TEST_F(ExplainCommand, SourcesSayWhatAnOptionChanged) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "--std", "0.5"}).exit_code, 0);
    const json sources = results()["preprocessing"]["sources"];
    EXPECT_EQ(sources["std"], "given");
    EXPECT_NE(sources["mean"], "given");
}

TEST_F(ExplainCommand, JsonLinesAreTheEntriesOfResults) {
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos", "--json"});
    std::istringstream lines(outcome.out);
    const json all = results();
    std::size_t i = 0;
    for (std::string line; std::getline(lines, line); ++i) EXPECT_EQ(json::parse(line), all["images"][i]);
    EXPECT_EQ(i, 3U);
}

TEST_F(ExplainCommand, EverySaveWritesItsPicture) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos/wide.png", "--save", "overlay,heatmap,mask", "--signed",
                   "--decompose", "3"})
                  .exit_code,
              0);
    const json e = results()["images"][0]["explanations"][0];
    for (const char* key : {"overlay", "heatmap", "mask", "decomposition"}) {
        ASSERT_TRUE(e.contains(key)) << key << " in " << e;
        EXPECT_TRUE(fs::exists(path("locus-out") / e[key].get<std::string>())) << key;
    }
    EXPECT_TRUE(e["map"]["file"].is_null());
    EXPECT_FALSE(fs::exists(path("locus-out/report.html")));
}

}  // namespace
}  // namespace locus
