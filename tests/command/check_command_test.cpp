#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

using testing::HasSubstr;
using testing::Not;

class CheckCommand : public testing::Test {
protected:
    CheckCommand() {
        model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32}),
                    folder_.path() / "model.onnx");
        Image image{.width = 40, .height = 30, .rgb = std::vector<std::uint8_t>(40 * 30 * 3)};
        for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(i * 7);
        const auto bytes = encode_png(image);
        test::put(folder_.path() / "good.png", bytes);
        test::write_text(folder_.path() / "bad.png", "no picture");
    }
    test::Outcome check(const std::vector<std::string>& more) const {
        std::vector<std::string> arguments{"check", "model.onnx", "-M", "cam", "--steps", "2", "-o", "out"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return test::run_locus(folder_.path(), arguments);
    }
    test::ScratchFolder folder_;
};

TEST_F(CheckCommand, NamesWhatItCannotReadAndGoesOn) {
    const auto outcome = check({"bad.png", "missing.png", "good.png"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("bad.png"));
    EXPECT_THAT(outcome.err, HasSubstr("missing.png"));
    const auto json = nlohmann::json::parse(test::read_text(folder_.path() / "out/check.json"));
    ASSERT_EQ(json["images"].size(), 1U);
    EXPECT_EQ(json["images"][0]["file"], "good.png");
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out/maps/good.png"));
    EXPECT_EQ(check({"good.png"}).exit_code, 0);
    EXPECT_THAT(check({"good.png", "--bits", "12"}).err, HasSubstr("warning: --bits 12 changes nothing"));
}

TEST_F(CheckCommand, ReplacesAnEarlierCheckAndLooksAtNoPictureOfOne) {
    std::filesystem::copy(folder_.path() / "good.png", folder_.path() / "better.png");
    ASSERT_EQ(check({"good.png", "better.png"}).exit_code, 0);
    test::write_text(folder_.path() / "out/maps/mine.txt", "mine");
    test::write_text(folder_.path() / "out/mine.txt", "mine");
    std::filesystem::remove(folder_.path() / "bad.png");
    ASSERT_EQ(check({"."}).exit_code, 0);  // the folder that `out` lies in
    auto json = nlohmann::json::parse(test::read_text(folder_.path() / "out/check.json"));
    EXPECT_EQ(json["images"].size(), 2U);
    ASSERT_EQ(check({"good.png"}).exit_code, 0);
    json = nlohmann::json::parse(test::read_text(folder_.path() / "out/check.json"));
    EXPECT_EQ(json["images"][0]["picture"], "maps/good.png");
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out/maps/good.png"));
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out/maps/better.png"));
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out/maps/mine.txt"));
    EXPECT_TRUE(std::filesystem::exists(folder_.path() / "out/mine.txt"));
}

TEST_F(CheckCommand, MoreThanMemoryIsMeantToHoldIsRefusedBeforeAnythingIsRead) {
    std::string list;
    for (int i = 0; i < 90'000; ++i) list += "good.png\n";  // of 12,288 bytes each as the network's input
    const auto outcome = test::run_locus(folder_.path(), {"check", "model.onnx", "-", "-o", "out"}, list);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("90000 images are too many"));
}

TEST_F(CheckCommand, ThePageKeepsTheKeysOfItsLegendsSmall) {
    ASSERT_EQ(check({"good.png"}).exit_code, 0);
    const std::string page = test::read_text(folder_.path() / "out/check.html");
    EXPECT_THAT(page, HasSubstr("<svg class=\"key\""));
    EXPECT_THAT(page, HasSubstr(".legend .key { width: 24px"));
}

TEST_F(CheckCommand, SaysWhereThereIsNoReluToChange) {
    model::save(model::build({.name = "mobilenet-v2", .classes = 3, .width = 0.25, .image_size = 32}),
                folder_.path() / "relu6.onnx");
    const auto outcome = test::run_locus(
        folder_.path(), {"check", "relu6.onnx", "good.png", "-M", "guided-backprop", "--steps", "1", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("no Relu, whose rule guided-backprop changes"));
}

TEST_F(CheckCommand, NothingReadableIsAnError) {
    const auto outcome = check({"bad.png"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("locus: error: none of the images can be read"));
    EXPECT_FALSE(std::filesystem::exists(folder_.path() / "out/check.json"));
}

TEST_F(CheckCommand, AnOptionGivenTwiceIsToldWhatToDo) {
    const auto outcome = check({"good.png", "--method", "grad-cam"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(outcome.err, "locus: error: --method is given twice: join with a comma, --method cam,grad-cam\n");
    EXPECT_EQ(check({"good.png", "--out", "x"}).err, "locus: error: --out is given twice: it takes one value\n");
}

TEST_F(CheckCommand, ATargetSimilarityAsksForWhatTheCommandHas) {
    const auto outcome = check({"good.png", "--target", "similarity"});
    EXPECT_THAT(outcome.err, HasSubstr("--target-embedding"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("--target-image")));
}

}  // namespace
}  // namespace locus
