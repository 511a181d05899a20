#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "color_photos.hpp"
#include "error_of.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"
#include "train/checkpoint.hpp"
#include "train/options.hpp"

namespace locus::train {
namespace {

using test::bitmap;
using test::bytes_of;
using test::error_of;
using test::ScratchFolder;
using test::write_colors;
using testing::HasSubstr;

TrainOptions small(const ScratchFolder& folder, const std::string& run) {
    TrainOptions options;
    options.data = {folder / "train"};
    options.validation = {folder / "val"};
    options.network = "tiny";
    options.width = 0.1;
    options.image_size = 16;
    options.epochs = 3;
    options.batch = 8;
    options.norm_batch = 4;
    options.schedule.peak = 0.05;
    options.average = 0.8;
    options.engine_threads = 1;
    options.output = folder / (run + ".onnx");
    return options;
}

class Training : public testing::Test {
protected:
    void SetUp() override {
        write_colors(folder, "train", 10);
        write_colors(folder, "val", 4);
    }
    ScratchFolder folder;
};

TEST_F(Training, LearnsToTellColoursApart) {
    TrainOptions options = small(folder, "a");
    options.epochs = 8;
    const TrainOutcome outcome = train(options);
    ASSERT_EQ(outcome.history.size(), 8U);
    EXPECT_TRUE(outcome.finished);
    EXPECT_GT(outcome.history.back().top1.value(), 0.9);
    EXPECT_LT(outcome.history.back().train_loss, outcome.history.front().train_loss);
    EXPECT_EQ(model::load(folder / "a.onnx").metadata.at("labels"), "blue\ngreen\nred");
    EXPECT_THAT(bytes_of(folder / "a.onnx.training/log.csv"), HasSubstr("\n8,16,"));
    EXPECT_THAT(bytes_of(folder / "a.onnx.training/training.html"), HasSubstr("<svg"));
}

TEST_F(Training, ReplacesAnEarlierTrainingsFileButNoOther) {
    TrainOptions options = small(folder, "a");
    options.epochs = 1;
    folder.write("a.onnx", "somebody's");
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("a.onnx is there and not of an earlier training"));
    EXPECT_EQ(bytes_of(options.output), "somebody's");
    options.overwrite = true;
    train(options);
    options.overwrite = false;
    std::string said;
    options.say = [&](const std::string& line) { said += line + '\n'; };
    EXPECT_TRUE(train(options).finished);
    EXPECT_THAT(said, HasSubstr("a.onnx of an earlier training is replaced"));
}

TEST_F(Training, ResumedInTheMiddleOfAnEpochGivesTheSameBits) {
    train(small(folder, "whole"));
    TrainOptions options = small(folder, "broken");
    options.stop_after_steps = 6;  // four steps an epoch: 30 photos, 8 a step, the last with 6
    EXPECT_FALSE(train(options).finished);
    EXPECT_FALSE(std::filesystem::exists(options.output));
    options.stop_after_steps = 0;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("--resume goes on with it, --overwrite begins anew"));
    options.resume = true;
    EXPECT_TRUE(train(options).finished);
    EXPECT_EQ(bytes_of(folder / "broken.onnx"), bytes_of(folder / "whole.onnx"));
}

TEST_F(Training, StopAfterCountsTheStepsOfEachRun) {
    train(small(folder, "whole"));
    TrainOptions options = small(folder, "parts");  // twelve steps
    options.stop_after_steps = 5;
    EXPECT_FALSE(train(options).finished);
    options.resume = true;
    EXPECT_FALSE(train(options).finished);
    EXPECT_TRUE(train(options).finished) << "the same command goes on";
    EXPECT_EQ(bytes_of(folder / "parts.onnx"), bytes_of(folder / "whole.onnx"));
}

TEST_F(Training, AFinishedRunIsReplacedAndAStoppedOneOnlyWhenTold) {
    TrainOptions options = small(folder, "again");
    options.epochs = 1;
    EXPECT_TRUE(train(options).finished);
    std::filesystem::remove(options.output);  // put to use elsewhere
    EXPECT_TRUE(train(options).finished);
    options.stop_after_steps = 1;
    EXPECT_FALSE(train(options).finished);
    options.stop_after_steps = 0;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("--overwrite"));
    options.overwrite = true;
    EXPECT_TRUE(train(options).finished);
}

TEST_F(Training, TheNetworkToBeginWithIsNotWrittenOver) {
    TrainOptions options = small(folder, "from");
    options.epochs = 1;
    train(options);
    options.from = options.output;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("which would be lost"));
}

TEST_F(Training, NumberOfThreadsDoesNotChangeABit) {
    train(small(folder, "one"));
    TrainOptions options = small(folder, "three");
    options.engine_threads = 3;
    options.loader_threads = 3;
    train(options);
    EXPECT_EQ(bytes_of(folder / "three.onnx"), bytes_of(folder / "one.onnx"));
}

TEST_F(Training, AdamWLearnsToo) {
    TrainOptions options = small(folder, "a");
    options.optimizer = Optimizer::adamw;
    options.schedule.peak = 0.005;
    options.epochs = 8;
    const TrainOutcome outcome = train(options);
    ASSERT_EQ(outcome.history.size(), 8U);
    EXPECT_GT(outcome.history.back().top1.value(), 0.9);
    EXPECT_LT(outcome.history.back().train_loss, outcome.history.front().train_loss / 2);
    options.optimizer = Optimizer::sgd;
    options.output = folder / "b.onnx";
    train(options);
    EXPECT_NE(bytes_of(folder / "b.onnx"), bytes_of(folder / "a.onnx"));
}

TEST_F(Training, LossThatIsNoNumberStopsAndWritesNoModel) {
    TrainOptions options = small(folder, "a");
    options.schedule.peak = 1e6;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("no longer a finite number (epoch 1"));
    EXPECT_FALSE(std::filesystem::exists(options.output));
}

TEST_F(Training, NumbersOutsideTheirRangeAreRefusedBeforeAnythingIsRead) {
    TrainOptions options = small(folder, "a");
    options.data = {folder / "nowhere"};
    options.augmentation.min_area = -1;
    EXPECT_EQ(error_of([&] { train(options); }), "usage: --min-area takes a number from 0 to 1, not -1");
    options.augmentation.min_area = 1;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("nowhere: is not there"));
}

TEST_F(Training, CorruptPhotosAreNamedAndPassedOver) {
    folder.write("train/red/broken.bmp", "BM and nothing more");
    TrainOptions options = small(folder, "a");
    std::string said;
    options.say = [&](const std::string& line) { said += line + "\n"; };
    EXPECT_TRUE(train(options).finished);
    EXPECT_THAT(said, HasSubstr("skipped"));
    EXPECT_THAT(said, HasSubstr("red/broken.bmp"));
}

TEST_F(Training, GoesOnBesideTextFilesAndEmptyClasses) {
    folder.write("train/red/notes.txt", "taken in May");
    std::filesystem::create_directories(folder / "train/yellow");
    TrainOptions options = small(folder, "a");
    options.epochs = 1;
    EXPECT_TRUE(train(options).finished);
    EXPECT_EQ(model::load(options.output).metadata.at("labels"), "blue\ngreen\nred\nyellow");
}

TEST_F(Training, MixupGivesTheSameBitsTwice) {
    for (const std::string run : {"one", "two"}) {
        TrainOptions options = small(folder, run);
        options.epochs = 2;
        options.mixup = 0.3;
        options.loader_threads = run == "one" ? 1 : 3;
        options.photo_memory = run == "one" ? options.photo_memory : 0;
        train(options);
    }
    EXPECT_EQ(bytes_of(folder / "one.onnx"), bytes_of(folder / "two.onnx"));
}

TEST_F(Training, EndsWhenItsTimeIsUp) {
    TrainOptions options = small(folder, "a");
    options.epochs = 1000000;
    options.minutes = 0.02;
    const TrainOutcome outcome = train(options);
    EXPECT_TRUE(outcome.finished);
    EXPECT_TRUE(outcome.history.back().top1.has_value());
    EXPECT_TRUE(std::filesystem::exists(options.output));
}

TEST_F(Training, OneClassIsNothingToTellApart) {
    TrainOptions options = small(folder, "a");
    options.data = {folder.write("one/x/1.bmp", bitmap(16, 1, 2, 3, 4)).parent_path().parent_path()};
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("usage: the data have one class, 'x'"));
}

TEST_F(Training, ShareHeldBackIsNotTrainedOn) {
    TrainOptions options = small(folder, "a");
    options.validation.clear();
    options.validation_split = 0.2;
    std::string said;
    options.say = [&](const std::string& line) { said += line + "\n"; };
    train(options);
    EXPECT_THAT(said, HasSubstr("24 photos of 3 classes to train on, 6 to validate"));
}

TEST_F(Training, ScoresInOnnxRuntimeAreTheTrainers) {
    std::string said;
    TrainOptions options = small(folder, "a");
    options.say = [&](const std::string& line) { said += line + "\n"; };
    train(options);
    const std::string words = "differ from the trainer's by at most ";
    const std::size_t at = said.find(words);
    ASSERT_NE(at, std::string::npos);
    EXPECT_LT(std::stod(said.substr(at + words.size())), 1e-4);
}

TEST_F(Training, GoesOnOnlyFromItsOwnCheckpoint) {
    TrainOptions options = small(folder, "a");
    options.epochs = 1;
    options.resume = true;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("no checkpoint to go on from"));
    options.resume = false;
    train(options);
    options.resume = true;
    options.width = 0.2;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("--width is 0.2 and was 0.1; --resume goes on with what"));
    options.width = 0.1;
    std::string damaged = bytes_of(folder / "a.onnx.training/checkpoint.locus");
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    folder.write("a.onnx.training/checkpoint.locus", damaged);
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("checksum"));
}

TEST_F(Training, OptionsThatChangeTheResultAreNamedWhereItGoesOn) {
    const auto complaint = [&](const std::function<void(TrainOptions&)>& change) {
        TrainOptions options = small(folder, "a");
        options.resume = true;
        change(options);
        return error_of([&] { train(options); });
    };
    TrainOptions begun = small(folder, "a");
    begun.stop_after_steps = 2;
    train(begun);
    EXPECT_THAT(complaint([](TrainOptions& o) { o.schedule.peak = 0.01; }), HasSubstr("--lr is 0.01 and was 0.05"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.norm_batch = 2; }), HasSubstr("--norm-batch is 2 and was 4"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.augmentation.jitter = 0.2; }),
                HasSubstr("--jitter is 0.2 and was 0"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.optimizer = Optimizer::adamw; }),
                HasSubstr("--optimizer is adamw and was sgd"));
    EXPECT_THAT(complaint([](TrainOptions& o) {
                    o.seed = 2;
                    o.batch = 4;
                }),
                HasSubstr("--batch over all ranks is 4 and was 8, and --seed is 2 and was 1"));
    write_colors(folder, "other", 10);
    std::filesystem::rename(folder / "other/red/1.bmp", folder / "other/red/77.bmp");
    EXPECT_THAT(complaint([&](TrainOptions& o) { o.data = {folder / "other"}; }),
                HasSubstr("the list of training photos is another"));

    std::filesystem::rename(folder / "train", folder / "moved");  // the same photos at another place
    TrainOptions again = small(folder, "a");
    again.data = {folder / "moved"};
    again.resume = true;
    again.engine_threads = 2;
    again.epochs = 1;
    EXPECT_TRUE(train(again).finished);
}

TEST_F(Training, ACheckpointWithoutItsOptionsIsRefused) {
    TrainOptions options = small(folder, "a");
    options.stop_after_steps = 2;
    train(options);
    const auto file = folder / "a.onnx.training/checkpoint.locus";
    Checkpoint checkpoint = load_checkpoint(file);
    auto state = nlohmann::json::parse(checkpoint.state);
    state.erase("settings");
    checkpoint.state = state.dump();
    save_checkpoint(checkpoint, file);
    options.resume = true;
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("does not say which photos and options it was made with"));
}

TEST_F(Training, LocalizationIsMeasuredWhateverTheBoxesCallThePhotos) {
    std::string rows = "file,x0,y0,x1,y1\n";
    for (int i = 0; i < 4; ++i) rows += "./red/" + std::to_string(i) + ".jpg,0,0,15,15\n";
    TrainOptions options = small(folder, "a");
    options.epochs = 1;
    options.validation_boxes = folder.write("boxes.csv", rows);
    EXPECT_TRUE(train(options).history.back().localization.has_value());
}

TEST_F(Training, AHeadWithoutMapsSaysThatNothingIsLocalized) {
    TrainOptions options = small(folder, "a");
    options.epochs = 1;
    options.head = "fc";
    options.validation_boxes = folder.write("boxes.csv", "path,x0,y0,x1,y1\nred/0.bmp,0,0,15,15\n");
    std::string said;
    options.say = [&](const std::string& line) { said += line + "\n"; };
    EXPECT_FALSE(train(options).history.back().localization.has_value());
    EXPECT_THAT(said, HasSubstr("localization is not measured"));
}

}  // namespace
}  // namespace locus::train
