#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/grey_tiff.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

using testing::HasSubstr;
using testing::Not;

class EvaluateCommand : public testing::Test {
protected:
    EvaluateCommand() {
        model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32}),
                    folder_.path() / "model.onnx");
        std::mt19937 random(3);
        std::string truth = "path,label\n", boxes = "path,x0,y0,x1,y1\n";
        for (int i = 0; i < 6; ++i) {
            Image image{.width = 40, .height = 30, .rgb = std::vector<std::uint8_t>(40 * 30 * 3)};
            for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random());
            const auto bytes = encode_png(image);
            const std::string name = "photo" + std::to_string(i);
            test::put(folder_.path() / "photos" / (name + ".png"), bytes);
            truth += name + ".png," + std::to_string(i % 3) + "\n";
            boxes += name + ".png,5,5,29,24\n";
        }
        test::write_text(folder_.path() / "truth.csv", truth);
        test::write_text(folder_.path() / "boxes.csv", boxes);
    }

    test::Outcome evaluate(const std::vector<std::string>& more) const {
        std::vector<std::string> arguments{"evaluate",  "-m", "model.onnx", "--data",      "photos", "--boxes",
                                           "boxes.csv", "-o", "out",        "--resamples", "20"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return test::run_locus(folder_.path(), arguments);
    }
    nlohmann::json metrics() const {
        return nlohmann::json::parse(test::read_text(folder_.path() / "out/metrics.json"));
    }

    test::ScratchFolder folder_;
};

TEST_F(EvaluateCommand, BoxesOfNoImageAreAnError) {
    test::write_text(folder_.path() / "none.csv", "file,width,height,x0,y0,x1,y1\n");
    test::write_text(folder_.path() / "none.json", R"({"images": [], "annotations": []})");
    for (const char* boxes : {"none.csv", "none.json"}) {
        const auto outcome =
            test::run_locus(folder_.path(), {"evaluate", "--maps", ".", "--boxes", boxes, "-o", "nothing"});
        EXPECT_EQ(outcome.exit_code, 1);
        EXPECT_THAT(outcome.err, HasSubstr("no image has a box or mask"));
    }
}

TEST_F(EvaluateCommand, ASubsetOfNothingIsRefused) {
    const auto outcome = evaluate({"--subset", "0"});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("takes a whole number from 1"));
}

TEST_F(EvaluateCommand, TakesImagesBesideEachOtherWithATableOfTheirClasses) {
    const auto outcome = evaluate({"--truth", "truth.csv", "--metrics", "top1,gt-known,deletion", "--steps", "3"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("top-1 % \u2191"));
    EXPECT_THAT(outcome.out, HasSubstr("deletion AUC \u2193"));
    EXPECT_THAT(outcome.out, HasSubstr("(centre Gaussian)"));
    EXPECT_THAT(outcome.err, HasSubstr("classes found by number"));
    EXPECT_EQ(metrics()["images"], 6);
    EXPECT_EQ(metrics()["metrics"].size(), 3U);
}

TEST_F(EvaluateCommand, WithoutThatTableItSaysWhatIsMissing) {
    const auto outcome = evaluate({});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--truth"));
}

TEST_F(EvaluateCommand, ACorruptImageIsNamedAndTheRestIsDone) {
    test::write_text(folder_.path() / "photos/photo2.png", "no picture");
    const auto outcome = evaluate({"--truth", "truth.csv"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("photo2.png"));
    EXPECT_EQ(metrics()["images"], 5);
    EXPECT_EQ(metrics()["failed"][0]["file"], "photo2.png");
}

TEST_F(EvaluateCommand, PhotosOfTwelveBitsAreToldOfAndPutRight) {
    std::vector<int> samples;
    for (int i = 0; i < 40 * 30; ++i) samples.push_back(i * 4095 / (40 * 30));
    test::write_text(folder_.path() / "photos/photo0.png", test::grey_tiff(40, 30, samples));
    const std::vector<std::string> command{"--truth", "truth.csv", "--metrics", "gt-known"};
    ASSERT_EQ(evaluate(command).exit_code, 0);
    EXPECT_THAT(metrics()["remarks"].dump(), HasSubstr("'photo0.png' uses few of its 16 bits"));

    const auto told = evaluate({"--truth", "truth.csv", "--metrics", "gt-known", "--bits", "12", "--overwrite"});
    ASSERT_EQ(told.exit_code, 0) << told.err;
    EXPECT_THAT(metrics()["remarks"].dump(), Not(HasSubstr("16 bits")));
    EXPECT_THAT(told.err,
                HasSubstr("5 images, 'photo1.png' among them: each is of 8 bits a sample, which --bits leaves"));
}

TEST_F(EvaluateCommand, ANetworkThatTakesNoPhotosIsRefusedBeforeAnyIsRead) {
    model::save(model::build({.name = "tiny", .classes = 3, .width = 0.25, .image_size = 32, .channels = 4}),
                folder_.path() / "model.onnx");
    const auto outcome = evaluate({"--truth", "truth.csv"});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("'model.onnx' takes 4 channels, which no photo has"));
    EXPECT_THAT(outcome.err, Not(HasSubstr("photo0")));
}

TEST_F(EvaluateCommand, BoxesWithoutImagesAndImagesWithoutBoxesAreCountedInWords) {
    test::write_text(folder_.path() / "boxes.csv",
                     "path,x0,y0,x1,y1\nphoto0.png,1,1,9,9\nphoto1.png,,,,\nphoto99.png,1,1,9,9\n");
    const auto outcome = evaluate({"--truth", "truth.csv", "--metrics", "gt-known"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("1 of 3 images with boxes or masks are not among the data"));
    EXPECT_THAT(outcome.err, HasSubstr("5 images"));
    EXPECT_EQ(metrics()["rows"][0]["values"]["gt-known"]["images"], 1);
}

TEST_F(EvaluateCommand, AWrongHeaderIsToldWithTheRightOne) {
    const std::string right = test::read_text(folder_.path() / "boxes.csv");
    for (const char* file : {"boxes.csv", "wrong.csv"})
        test::write_text(folder_.path() / file, "image,left,top,right,bottom\nphoto0.png,1,1,9,9\n");
    const auto boxes = evaluate({"--truth", "truth.csv"});
    EXPECT_NE(boxes.exit_code, 0);
    EXPECT_THAT(boxes.err, HasSubstr("image,left,top,right,bottom"));
    EXPECT_THAT(boxes.err, HasSubstr("file,width,height,x0,y0,x1,y1"));
    test::write_text(folder_.path() / "boxes.csv", right);
    const auto truth = evaluate({"--truth", "wrong.csv"});
    EXPECT_NE(truth.exit_code, 0);
    EXPECT_THAT(truth.err, HasSubstr("path,label"));
}

TEST_F(EvaluateCommand, AnUnfinishedRunIsRefusedWithTheTwoWaysOn) {
    ASSERT_EQ(evaluate({"--truth", "truth.csv"}).exit_code, 0);
    const std::string whole = test::read_text(folder_.path() / "out/metrics.json");
    ASSERT_EQ(evaluate({"--truth", "truth.csv"}).exit_code, 0);  // a finished one is replaced
    for (const char* table : {"metrics.json", "metrics.csv", "report.html"})
        std::filesystem::remove(folder_.path() / "out" / table);  // as after a kill
    const auto refused = evaluate({"--truth", "truth.csv"});
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, HasSubstr("holds an unfinished run: --resume goes on with it, --overwrite begins anew"));
    EXPECT_EQ(evaluate({"--truth", "truth.csv", "--resume", "--overwrite"}).exit_code, 2);
    EXPECT_EQ(evaluate({"--truth", "truth.csv", "--resume"}).exit_code, 0);
    EXPECT_EQ(test::read_text(folder_.path() / "out/metrics.json"), whole);
    std::filesystem::remove(folder_.path() / "out/report.html");
    EXPECT_EQ(evaluate({"--truth", "truth.csv", "--overwrite"}).exit_code, 0);
    EXPECT_EQ(test::read_text(folder_.path() / "out/metrics.json"), whole);
}

TEST_F(EvaluateCommand, PipedItHasNoControlCharacters) {
    const auto outcome = evaluate({"--truth", "truth.csv"});
    EXPECT_THAT(outcome.err, Not(HasSubstr("\r")));
    EXPECT_THAT(outcome.err, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace locus
