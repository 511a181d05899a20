#include <csignal>
#include <fstream>
#include <iterator>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "error_of.hpp"
#include "model/onnx_file.hpp"
#include "scratch_folder.hpp"
#include "train/checkpoint.hpp"
#include "train/options.hpp"

namespace locus::train {
namespace {

using test::error_of;
using test::ScratchFolder;
using testing::HasSubstr;

/// A 24-bit BMP of noise round a colour.
std::string bitmap(int side, int red, int green, int blue, std::uint64_t seed) {
    const std::uint32_t row = static_cast<std::uint32_t>((side * 3 + 3) / 4 * 4),
                        size = 54 + row * static_cast<std::uint32_t>(side);
    std::string out = "BM";
    const auto put = [&](std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255U);
    };
    put(size, 4), put(0, 4), put(54, 4), put(40, 4), put(static_cast<std::uint32_t>(side), 4),
        put(static_cast<std::uint32_t>(side), 4);
    put(1, 2), put(24, 2), put(0, 4), put(0, 4), put(2835, 4), put(2835, 4), put(0, 4), put(0, 4);
    Random random(seed);
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            for (const int c : {blue, green, red}) out += static_cast<char>(c + static_cast<int>(random.below(60)));
        }
        out.append(row - static_cast<std::uint32_t>(side) * 3, '\0');
    }
    return out;
}

/// Reddish, greenish and bluish pictures, `each` a class, in folders.
void write_colors(const ScratchFolder& folder, const std::string& name, int each) {
    for (int i = 0; i < each; ++i) {
        const std::string file = std::to_string(i) + ".bmp";
        folder.write(name + "/red/" + file, bitmap(16, 120, 60, 60, static_cast<std::uint64_t>(i)));
        folder.write(name + "/green/" + file, bitmap(16, 60, 120, 60, 1000U + static_cast<std::uint64_t>(i)));
        folder.write(name + "/blue/" + file, bitmap(16, 60, 60, 120, 2000U + static_cast<std::uint64_t>(i)));
    }
}

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

std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
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

TEST_F(Training, ResumedInTheMiddleOfAnEpochGivesTheSameBits) {
    train(small(folder, "whole"));
    TrainOptions options = small(folder, "broken");
    options.stop_after_steps = 6;  // four steps an epoch: 30 photos, 8 a step, the last with 6
    EXPECT_FALSE(train(options).finished);
    EXPECT_FALSE(std::filesystem::exists(options.output));
    options.stop_after_steps = 0;
    options.resume = true;
    EXPECT_TRUE(train(options).finished);
    EXPECT_EQ(bytes_of(folder / "broken.onnx"), bytes_of(folder / "whole.onnx"));
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
    EXPECT_GT(train(options).history.back().top1.value(), 0.9);
}

TEST_F(Training, LossThatIsNoNumberStopsAndWritesNoModel) {
    TrainOptions options = small(folder, "a");
    options.schedule.peak = std::numeric_limits<double>::infinity();
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("no longer a finite number (epoch 1"));
    EXPECT_FALSE(std::filesystem::exists(options.output));
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
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("usage: The data have one class, 'x'"));
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
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("another network"));
    std::string damaged = bytes_of(folder / "a.onnx.training/checkpoint.locus");
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    folder.write("a.onnx.training/checkpoint.locus", damaged);
    EXPECT_THAT(error_of([&] { train(options); }), HasSubstr("checksum"));
}

}  // namespace
}  // namespace locus::train
