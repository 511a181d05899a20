/// What `locus explain` reads: files good and bad, arrays, lists of paths.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "command/explain_command.hpp"
#include "files/npy.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/grey_tiff.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::ExplainCommand;
using test::Outcome;
using test::write_picture;
using testing::ContainsRegex;
using testing::HasSubstr;

TEST_F(ExplainCommand, AFolderNamedTwiceIsWalkedOnce) {
    const Outcome outcome = run({"explain", "-m", "model.onnx", "photos/a", "photos", "photos/"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(results()["images"].size(), 3U);
    EXPECT_EQ(results()["failed"].size(), 0U);
}

TEST_F(ExplainCommand, FilesOfTheSameNameDoNotCollide) {
    ASSERT_EQ(run({"explain", "-m", "model.onnx", "photos/a/cat.jpg", "photos/b/cat.jpg", "photos"}).exit_code, 0);
    std::set<std::string> maps;
    const json all = results();
    for (const json& image : all["images"]) maps.insert(image["explanations"][0]["map"]["file"].get<std::string>());
    EXPECT_EQ(maps.size(), 5U);
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

TEST_F(ExplainCommand, AListMayBeginWithAByteOrderMark) {
    test::write_text(path("list.txt"), "\xef\xbb\xbfphotos/" +
                                           fs::directory_iterator(path("photos"))->path().filename().string() + "\r\n");
    const std::string line = fmt::format("cd {} && {} explain -m model.onnx - -o out -q < list.txt",
                                         test::quoted(folder_.path().string()), test::quoted(LOCUS_COMMAND));
    EXPECT_EQ(std::system(line.c_str()), 0);
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

}  // namespace
}  // namespace locus
