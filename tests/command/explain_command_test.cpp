#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files/npy.hpp"
#include "locus/boxes.hpp"
#include "locus/image.hpp"
#include "model/metadata/preprocessing_metadata.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/grey_tiff.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Outcome;
using testing::ContainsRegex;
using testing::HasSubstr;

/// A bright disc on noise: something for random weights to look at.
Image picture(int width, int height, unsigned seed) {
    Image image{.width = width,
                .height = height,
                .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * 3)};
    std::mt19937 random(seed);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const double dx = (x - 0.3 * width) / width, dy = (y - 0.6 * height) / height;
            const bool disc = dx * dx + dy * dy < 0.04;
            for (int c = 0; c < 3; ++c)
                image.pixel(x, y)[c] = static_cast<std::uint8_t>(disc ? 255 - 60 * c : random() % 64);
        }
    }
    return image;
}

void write_picture(const fs::path& file, int width, int height, unsigned seed = 1) {
    const auto bytes = file.extension() == ".png" ? encode_png(picture(width, height, seed))
                                                  : encode_jpeg(picture(width, height, seed), 90);
    test::put(file, bytes);
}

class ExplainCommand : public testing::Test {
protected:
    ExplainCommand() {
        model::Model network = model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64});
        Preprocessing preprocessing;
        preprocessing.width = preprocessing.height = 64;
        model::write_metadata(network, preprocessing, {"cat, tom", "dog", "crane", "crane", "bird", "<b>&\"bold\""});
        model::save(network, path("model.onnx"));
        write_picture(path("photos/a/cat.jpg"), 120, 80, 1);
        write_picture(path("photos/b/cat.jpg"), 90, 140, 2);
        write_picture(path("photos/wide.png"), 300, 50, 3);
    }

    fs::path path(const std::string& below) const { return folder_.path() / below; }
    Outcome run(const std::vector<std::string>& arguments, const std::string& standard_input = {}) const {
        return test::run_locus(folder_.path(), arguments, standard_input);
    }
    json results(const std::string& out = "locus-out") const {
        return json::parse(test::read_text(path(out + "/results.json")));
    }

    test::ScratchFolder folder_;
};

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

TEST_F(ExplainCommand, AFolderNamedTwiceIsWalkedOnce) {
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos/a", "photos", "photos/"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(results()["images"].size(), 3U);
    EXPECT_EQ(results()["failed"].size(), 0U);
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

TEST_F(ExplainCommand, FilesOfTheSameNameDoNotCollide) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos/a/cat.jpg", "photos/b/cat.jpg", "photos"}).exit_code, 0);
    std::set<std::string> maps;
    const json all = results();
    for (const json& image : all["images"]) maps.insert(image["explanations"][0]["map"]["file"].get<std::string>());
    EXPECT_EQ(maps.size(), 5U);
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

TEST_F(ExplainCommand, BadFilesAreNamedAndTheRestIsDone) {
    test::write_text(path("photos/text.jpg"), "this is no picture");
    test::write_text(path("photos/empty.png"), "");
    const std::string whole = test::read_text(path("photos/a/cat.jpg"));
    test::write_text(path("photos/cut.jpg"), whole.substr(0, whole.size() / 2));
    test::write_text(path("photos/caf\xe9.jpg"), whole);
    // The header of a 60,000 x 60,000 PNG, with a right checksum (computed with zlib's crc32), and no pixels.
    test::write_text(path("photos/bomb.png"),
                     std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0", 29) +
                         std::string("\0\0\0\0", 4));
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos", "missing.jpg"});
    EXPECT_EQ(outcome.exit_code, 1);
    const json all = results();
    EXPECT_EQ(all["images"].size(), 4U);
    std::set<std::string> failed;
    for (const json& failure : all["failed"]) {
        failed.insert(failure["file"].get<std::string>());
        EXPECT_FALSE(failure["error"].get<std::string>().empty());
    }
    EXPECT_EQ(failed, (std::set<std::string>{"photos/bomb.png", "photos/cut.jpg", "photos/empty.png", "photos/text.jpg",
                                             "missing.jpg"}));
    EXPECT_THAT(outcome.err, HasSubstr("locus: 'photos/cut.jpg' is truncated: "));
    EXPECT_THAT(outcome.err, HasSubstr("locus: missing.jpg: no such file or folder\n"));
}

TEST_F(ExplainCommand, NamesAreShownOnOneLine) {
    write_picture(path("photos/a/new\nline\x1b[2J.jpg"), 80, 60);
    test::write_text(path("photos/a/not\na picture.jpg"), "text");
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos/a"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("photos/a/new\\x0Aline\\x1B[2J.jpg  80 x 60\n"));
    EXPECT_THAT(outcome.err, HasSubstr("locus: 'photos/a/not\\x0Aa picture.jpg' is not an image"));
    EXPECT_EQ(results()["images"][1]["file"], "photos/a/new\nline\x1b[2J.jpg");
}

TEST_F(ExplainCommand, WhatCannotBeReachedIsSaidToBeThat) {
    fs::create_symlink("nowhere.jpg", path("dangling.jpg"));
    fs::create_symlink("round.jpg", path("round.jpg"));
    const Outcome outcome = run({"explain", "-m", "model.onnx", "dangling.jpg", "round.jpg", "", "photos/wide.png"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err,
                HasSubstr("locus: dangling.jpg: a symbolic link to 'nowhere.jpg', and nothing is there\n"));
    EXPECT_THAT(outcome.err, HasSubstr("locus: round.jpg: cannot be reached: Too many levels of symbolic links\n"));
    EXPECT_THAT(outcome.err, HasSubstr("an empty name"));
    EXPECT_EQ(results()["images"].size(), 1U);
}

/// The same JPEG with an EXIF orientation: an APP1 segment of a little-endian TIFF directory with one entry, 0x0112.
std::string with_orientation(const std::string& jpeg, char orientation) {
    const std::string exif =
        std::string("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 24) + orientation + std::string(7, '\0');
    return jpeg.substr(0, 2) + "\xff\xe1" + std::string(1, '\0') + static_cast<char>(exif.size() + 2) + exif +
           jpeg.substr(2);
}

TEST_F(ExplainCommand, ATurnedPhotoIsExplainedUpright) {
    const std::string stored = test::read_text(path("photos/a/cat.jpg"));
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const std::string name = std::to_string(orientation);
        test::write_text(path("turned/" + name + ".jpg"), with_orientation(stored, static_cast<char>(orientation)));
        const auto upright = encode_png(read_image(path("turned/" + name + ".jpg")));
        test::put(path("upright/" + name + ".png"), upright);
    }
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "turned", "-o", "of-turned"}).exit_code, 0);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "upright", "-o", "of-upright"}).exit_code, 0);
    const json turned = results("of-turned")["images"], upright = results("of-upright")["images"];
    ASSERT_EQ(turned.size(), 8U);
    std::set<std::string> maps;
    for (std::size_t i = 0; i < turned.size(); ++i) {
        const bool on_its_side = i >= 4;  // orientations 5 to 8
        EXPECT_EQ(turned[i]["width"], on_its_side ? 80 : 120);
        EXPECT_EQ(turned[i]["height"], on_its_side ? 120 : 80);
        const json &e = turned[i]["explanations"][0], &expected = upright[i]["explanations"][0];
        EXPECT_EQ(e["boxes"], expected["boxes"]) << i + 1;
        const std::string map = test::read_text(path("of-turned") / e["map"]["file"].get<std::string>());
        EXPECT_EQ(map, test::read_text(path("of-upright") / expected["map"]["file"].get<std::string>())) << i + 1;
        maps.insert(map);
        const Image overlay = read_image(path("of-turned") / e["overlay"].get<std::string>());
        EXPECT_EQ(overlay.width, turned[i]["width"]);
        EXPECT_EQ(overlay.height, turned[i]["height"]);
    }
    EXPECT_EQ(maps.size(), 8U) << "each is another picture";
}

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

TEST_F(ExplainCommand, AListMayBeginWithAByteOrderMark) {
    test::write_text(path("list.txt"), "\xef\xbb\xbfphotos/" +
                                           fs::directory_iterator(path("photos"))->path().filename().string() + "\r\n");
    const std::string line = fmt::format("cd {} && {} explain -m model.onnx - -o out -q < list.txt",
                                         test::quoted(folder_.path().string()), test::quoted(LOCUS_COMMAND));
    EXPECT_EQ(std::system(line.c_str()), 0);
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

TEST_F(ExplainCommand, AnArrayWithoutValuesIsNotCountedOut) {
    // Its header alone: 10^12 items of nothing.
    std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3, 0, 4), }";
    header.resize(117, ' ');
    test::write_text(path("empty.npy"), std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n");
    const Outcome outcome = run({"explain", "-m", "model.onnx", "empty.npy"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("no input is in it"));
}

TEST_F(ExplainCommand, ArraysBeyondAllMeasureFailAloneAndTheRestIsDone) {
    const auto write_sparse = [&](const std::string& name, const std::string& shape, std::uintmax_t bytes) {
        std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + shape + "), }";
        header.resize(117, ' ');
        test::write_text(path(name), std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n");
        fs::resize_file(path(name), 128 + bytes);
    };
    write_sparse("long.npy", "1, 1, 2147483648", 2147483648);  // negative as an int
    write_sparse("many.npy", "1000000000, 1, 1, 1", 1000000000);
    const Outcome outcome = run({"explain", "-m", "model.onnx", "long.npy", "many.npy", "photos/wide.png"});
    EXPECT_EQ(outcome.exit_code, 1);
    const json all = results();
    EXPECT_EQ(all["images"].size(), 1U);
    ASSERT_EQ(all["failed"].size(), 2U);
    EXPECT_THAT(all["failed"][0]["error"].get<std::string>(), HasSubstr("no side of an input is longer than 16384"));
    EXPECT_THAT(all["failed"][1]["error"].get<std::string>(), HasSubstr("at most 10000000 inputs may be in one"));
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

TEST_F(ExplainCommand, ArraysArePreprocessedAlready) {
    Tensor batch(DataType::float32, {2, 3, 64, 64});
    std::mt19937 random(4);
    for (float& value : batch.mutable_values<float>()) value = static_cast<float>(random() % 1000) / 500.0F - 1.0F;
    files::write_npy(path("x.npy"), batch);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "x.npy"}).exit_code, 0);
    const json all = results();
    ASSERT_EQ(all["images"].size(), 2U);
    fs::copy_file(path("x.npy"), path("X.NPY"));
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "X.NPY", "-o", "capitals"}).exit_code, 0);
    EXPECT_EQ(results("capitals")["images"].size(), 2U);
    EXPECT_EQ(all["images"][1]["file"], "x.npy#1");
    EXPECT_EQ(all["images"][1]["width"], 64);
}

TEST_F(ExplainCommand, PhotosAndArraysShareAPassAndOneThatFailsIsLeftOut) {
    Tensor item(DataType::float32, {3, 64, 64});
    std::mt19937 random(4);
    for (float& value : item.mutable_values<float>()) value = static_cast<float>(random() % 1000) / 500.0F - 1.0F;
    files::write_npy(path("x.npy"), item);
    files::write_npy(path("other.npy"), Tensor(DataType::float32, {3, 32, 48}));
    test::write_text(path("text.jpg"), "this is no picture");
    const auto explain = [&](const std::vector<std::string>& inputs, const std::string& out, const std::string& batch) {
        std::vector<std::string> words{"explain", "-m", "model.onnx", "-o", out, "-b", batch};
        words.insert(words.end(), inputs.begin(), inputs.end());
        return run(words).exit_code;
    };
    for (const std::vector<std::string>& inputs :
         {std::vector<std::string>{"photos/a/cat.jpg", "x.npy", "photos/wide.png", "text.jpg", "photos/b/cat.jpg"},
          {"text.jpg", "photos/a/cat.jpg", "photos/wide.png"},
          {"x.npy", "photos/a/cat.jpg", "other.npy", "photos/wide.png"}}) {
        const int alone = explain(inputs, "one", "1");
        ASSERT_EQ(explain(inputs, "all", "8"), alone) << inputs.front();
        EXPECT_EQ(results("all"), results("one")) << inputs.front();
        ASSERT_TRUE(fs::exists(path("one/overlays/wide.jpg")));
        EXPECT_EQ(test::read_text(path("all/overlays/wide.jpg")), test::read_text(path("one/overlays/wide.jpg")))
            << inputs.front();
        fs::remove_all(path("one"));
        fs::remove_all(path("all"));
    }
}

TEST_F(ExplainCommand, SamplesOfTwelveBitsAreToldOfAndPutRight) {
    // The same photo as 8 bits, and as 12 in 16: v * 4095 / 255, rounded, comes back as v.
    std::mt19937 random(5);
    Image eight{.width = 64, .height = 64, .rgb = {}};
    std::vector<int> samples;
    for (int i = 0; i < 64 * 64; ++i) {
        const int shade = i % 64 < 32 ? 255 : static_cast<int>(random() % 200);
        eight.rgb.insert(eight.rgb.end(), 3, static_cast<std::uint8_t>(shade));
        samples.push_back((shade * 4095 + 127) / 255);
    }
    write_image(path("scans/eight.png"), eight);
    test::write_text(path("scans/twelve.tif"), test::grey_tiff(64, 64, samples));
    const std::vector<std::string> command{"explain", "-m", "model.onnx", "scans"};
    const Outcome untold = run(command);
    ASSERT_EQ(untold.exit_code, 0) << untold.err;
    EXPECT_THAT(untold.err, HasSubstr("warning: 'scans/twelve.tif' has samples of 16 bits, but none above 4095"));
    EXPECT_THAT(untold.err, HasSubstr("give --bits 12"));
    const json before = results()["images"];
    EXPECT_EQ(before[0]["warning"], nullptr);
    EXPECT_THAT(before[1]["warning"].get<std::string>(), HasSubstr("--bits 12"));
    EXPECT_THAT(test::read_text(path("locus-out/report.html")), HasSubstr("none above 4095"));

    const Outcome told = run({"explain", "-m", "model.onnx", "scans", "--bits", "12"});
    ASSERT_EQ(told.exit_code, 0) << told.err;
    EXPECT_THAT(told.err, testing::Not(HasSubstr("none above")));
    const json after = results()["images"];
    EXPECT_EQ(after[1]["warning"], nullptr);
    EXPECT_EQ(after[0]["explanations"][0]["logit"], before[0]["explanations"][0]["logit"]);
    EXPECT_NEAR(after[1]["explanations"][0]["logit"].get<double>(), after[0]["explanations"][0]["logit"].get<double>(),
                0.02);
    EXPECT_GT(std::abs(before[1]["explanations"][0]["logit"].get<double>() -
                       before[0]["explanations"][0]["logit"].get<double>()),
              0.1);
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "scans", "-q"}).err, "");
    // One photo of 16 bits is what the option is for; with none it is a mistake.
    constexpr const char* unused = "warning: --bits 12 changes nothing: none of these pictures has samples of 16 bits";
    EXPECT_THAT(told.err, testing::Not(HasSubstr("changes nothing")));
    EXPECT_THAT(run({"explain", "-m", "model.onnx", "scans/eight.png", "photos", "--bits", "12"}).err,
                HasSubstr(unused));
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "photos", "--bits", "12", "-q"}).err, "");
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "scans", "--bits", "7"}).exit_code, 2);
}

class MultispectralCommand : public ExplainCommand {
protected:
    MultispectralCommand() {
        model::save(model::build({.name = "tiny", .classes = 5, .width = 0.25, .image_size = 64, .channels = 4}),
                    path("four.onnx"));
        Tensor batch(DataType::float32, {2, 4, 64, 64});
        std::mt19937 random(4);
        for (float& value : batch.mutable_values<float>()) value = static_cast<float>(random() % 1000) / 500.0F - 1.0F;
        files::write_npy(path("fields.npy"), batch);
    }
};

TEST_F(MultispectralCommand, ArraysOfFourChannelsAreExplained) {
    const Outcome outcome =
        run({"explain", "-m", "four.onnx", "fields.npy", "-M", "cam,grad-cam,occlusion,rise", "--set", "samples=20",
             "-c", "top:2", "--save", "overlay,heatmap,mask,map,boxes,report"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, testing::Not(HasSubstr("ImageNet")));
    const json all = results();
    EXPECT_EQ(all["preprocessing"]["color"], "other");
    EXPECT_EQ(all["preprocessing"]["channels"], 4);
    EXPECT_EQ(all["preprocessing"]["sources"]["color"], "graph input");
    ASSERT_EQ(all["images"].size(), 2U);
    for (const json& image : all["images"]) {
        ASSERT_EQ(image["explanations"].size(), 8U);
        for (const json& e : image["explanations"]) {
            const Tensor map = files::read_npy(path("locus-out") / e["map"]["file"].get<std::string>());
            for (const char* file : {"overlay", "heatmap", "mask"})
                EXPECT_TRUE(fs::exists(path("locus-out") / e[file].get<std::string>()));
            if (e["method"] != "cam") continue;
            double sum = 0;
            for (const float value : map.values<float>()) sum += value;
            EXPECT_NEAR(sum / static_cast<double>(map.size()) + e["bias"].get<double>(), e["logit"].get<double>(),
                        1e-4);
        }
    }
}

TEST_F(MultispectralCommand, PhotosAreRefusedInOneSentence) {
    constexpr const char* sentence =
        "the network takes 4 channels, which no photo has: give it .npy arrays of the shape [4, 64, 64], preprocessed "
        "already";
    const Outcome photos = run({"explain", "-m", "four.onnx", "photos"});
    EXPECT_EQ(photos.exit_code, 2);
    EXPECT_EQ(photos.err, std::string("locus: error: ") + sentence + "\n");
    EXPECT_FALSE(fs::exists(path("locus-out")));
    const Outcome both = run({"explain", "-m", "four.onnx", "photos/a/cat.jpg", "fields.npy"});
    EXPECT_EQ(both.exit_code, 1);
    EXPECT_EQ(results()["images"].size(), 2U);
    EXPECT_EQ(results()["failed"][0]["error"], sentence);
    const Outcome given = run({"explain", "-m", "four.onnx", "fields.npy", "--mean", "0.5"});
    EXPECT_EQ(given.exit_code, 2);
    EXPECT_THAT(given.err, HasSubstr("the network takes 4 channels, so that its inputs are arrays"));
    files::write_npy(path("three.npy"), Tensor(DataType::float32, {3, 64, 64}));
    EXPECT_THAT(run({"explain", "-m", "four.onnx", "three.npy"}).err,
                HasSubstr("'three.npy' has the shape [3, 64, 64], but the network takes 4 channels: [4, H, W]"));
}

TEST_F(MultispectralCommand, InspectTellsTheChannels) {
    EXPECT_THAT(run({"inspect", "four.onnx"}).out, ContainsRegex("channels +4: no photos, .npy arrays"));
    const json told = json::parse(run({"inspect", "four.onnx", "--json"}).out);
    EXPECT_EQ(told["preprocessing"]["channels"], 4);
    EXPECT_EQ(told["input"]["shape"], json({-1, 4, 64, 64}));
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

TEST_F(ExplainCommand, SourcesSayWhatAnOptionChanged) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos", "--std", "0.5"}).exit_code, 0);
    const json sources = results()["preprocessing"]["sources"];
    EXPECT_EQ(sources["std"], "given");
    EXPECT_NE(sources["mean"], "given");
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

TEST_F(ExplainCommand, ArraysWithoutNumbersToLookAtFail) {
    Tensor item(DataType::float32, {3, 64, 64});
    item.mutable_values<float>()[7] = std::numeric_limits<float>::quiet_NaN();
    files::write_npy(path("nan.npy"), item);
    files::write_npy(path("none.npy"), Tensor(DataType::float32, {0, 3, 64, 64}));
    EXPECT_EQ(run({"explain", "-m", "model.onnx", "nan.npy", "none.npy", "photos/wide.png"}).exit_code, 1);
    const json all = results();
    EXPECT_EQ(all["images"].size(), 1U);
    ASSERT_EQ(all["failed"].size(), 2U);
    EXPECT_THAT(all["failed"][0]["error"].get<std::string>(), HasSubstr("NaN"));
    EXPECT_THAT(all["failed"][1]["error"].get<std::string>(), HasSubstr("no input is in it"));
}

TEST_F(ExplainCommand, ListedPathsMayEndWithZeroBytes) {
    const std::string list("photos/a/cat.jpg\0photos/wide.png\0", 33);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "-"}, list).exit_code, 0);
    EXPECT_EQ(results()["images"].size(), 2U);
}

TEST_F(ExplainCommand, ZeroBytesLeaveEndsOfLinesToNames) {
    fs::copy_file(path("photos/wide.png"), path("photos/two\nlines.png"));
    const std::string list("photos/a/cat.jpg\0photos/two\nlines.png\0photos/wide.png", 53);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "-"}, list).exit_code, 0);
    EXPECT_EQ(results()["images"].size(), 3U);
    const std::string first("photos/two\nlines.png\0", 21);
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "-", "--overwrite"}, first).exit_code, 0);
    EXPECT_EQ(results()["images"].size(), 1U);
}

TEST_F(ExplainCommand, PathsComeFromStandardInputAndGlobs) {
    ASSERT_EQ(
        run({"explain", "-m", "model.onnx", "-", "photos/*.png"}, "photos/a/cat.jpg\n\nphotos/b/cat.jpg\n").exit_code,
        0);
    EXPECT_EQ(results()["images"].size(), 3U);
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
