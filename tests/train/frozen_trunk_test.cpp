/// A linear layer on a trunk that stays as it is: what of its features is kept, and when they are computed anew.

#include "train/frozen_trunk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "color_photos.hpp"
#include "error_of.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"

namespace locus::train {
namespace {

using testing::HasSubstr;
using testing::Not;

class FrozenTrunk : public testing::Test {
protected:
    void SetUp() override {
        test::write_colors(folder, "train", 7);
        model::save(model::build({.name = "tiny", .classes = 5, .width = 0.1, .image_size = 16, .seed = 3}),
                    folder / "trunk/model.onnx");
        say_mean(0.5);
        options.data = {folder / "train"};
        options.from = folder / "trunk/model.onnx";
        options.freeze_trunk = true;
        options.epochs = 20;
        options.engine_threads = 1;
        options.output = folder / "out.onnx";
    }
    /// In the configuration beside the model.
    void say_mean(double mean) {
        const std::string three = std::to_string(mean) + ", " + std::to_string(mean) + ", " + std::to_string(mean);
        folder.write("trunk/preprocessor_config.json",
                     "{\"image_mean\": [" + three + "], \"image_std\": [0.5, 0.5, 0.5]}");
    }
    /// What the run says.
    std::string run() {
        std::string said;
        options.say = [&](const std::string& line) { said += line + "\n"; };
        EXPECT_TRUE(train(options).finished);
        return said;
    }

    test::ScratchFolder folder;
    TrainOptions options;
};

constexpr const char* computed = "features of 21 of 21 photos";

TEST_F(FrozenTrunk, FeaturesAreKeptForTheNextRun) {
    EXPECT_THAT(run(), HasSubstr(computed));
    const std::string model = test::bytes_of(options.output);
    EXPECT_THAT(run(), Not(HasSubstr(computed)));
    EXPECT_EQ(test::bytes_of(options.output), model);
}

TEST_F(FrozenTrunk, OtherPreprocessingBesideTheModelMakesOtherFeatures) {
    run();
    say_mean(0.25);
    EXPECT_THAT(run(), HasSubstr(computed));
}

TEST_F(FrozenTrunk, APhotoChangedInPlaceMakesOtherFeatures) {
    run();
    const auto photo = folder / "train/red/0.bmp";
    const auto before = std::filesystem::last_write_time(photo);
    folder.write("train/red/0.bmp", test::bitmap(16, 60, 60, 120, 77));  // as many bytes as it had
    std::filesystem::last_write_time(photo, before + std::chrono::seconds(1));
    EXPECT_THAT(run(), HasSubstr(computed));
}

bool has_node(const model::Model& model, const char* type) {
    return std::ranges::any_of(model.graph.nodes, [&](const model::Node& node) { return node.is(type); });
}

TEST_F(FrozenTrunk, TheHeadIsTheOneAskedFor) {
    run();
    EXPECT_TRUE(has_node(model::load(options.output), "GlobalAveragePool"));
    options.head = "gmp";
    EXPECT_THAT(run(), HasSubstr(computed)) << "other features are pooled";
    EXPECT_TRUE(has_node(model::load(options.output), "GlobalMaxPool"));
    EXPECT_FALSE(has_node(model::load(options.output), "GlobalAveragePool"));
    options.head = "fc";
    options.say = nullptr;
    EXPECT_THAT(test::error_of([&] { train(options); }), HasSubstr("--head takes gap, gmp or sum"));
}

TEST_F(FrozenTrunk, KernelsAreHalvesWhereAsked) {
    run();
    const auto whole = std::filesystem::file_size(options.output);
    options.half_weights = true;
    run();
    EXPECT_LT(std::filesystem::file_size(options.output), whole);
    EXPECT_TRUE(has_node(model::load(options.output), "Cast"));
}

TEST_F(FrozenTrunk, InterruptedAmongFeaturesLeavesNothingHalfDone) {
    // The flag is set when the first part of 16 photos has its features and the second, which has photos 16 to 18 by
    // then, has none: the last two photos become pipes, at whose opening the reader waits.
    const std::filesystem::path pipes[]{folder / "train/red/5.bmp", folder / "train/red/6.bmp"};
    std::atomic<bool> interrupted{false};
    std::thread writer;
    options.photo_memory = 0;  // photos are read when their turn comes
    options.interrupted = &interrupted;
    options.say = [&](const std::string& line) {
        if (line.find("features are") == std::string::npos) return;
        for (const auto& pipe : pipes) {
            std::filesystem::remove(pipe);
            ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
        }
        writer = std::thread([&] {
            ::close(::open(pipes[0].c_str(), O_WRONLY));
            interrupted = true;
            ::close(::open(pipes[1].c_str(), O_WRONLY));
        });
    };
    EXPECT_NO_THROW(EXPECT_FALSE(train(options).finished));
    if (writer.joinable()) writer.join();
    EXPECT_FALSE(std::filesystem::exists(options.output));

    for (const auto& pipe : pipes) std::filesystem::remove(pipe);
    test::write_colors(folder, "train", 7);
    interrupted = false;
    EXPECT_THAT(run(), HasSubstr(computed));
}

}  // namespace
}  // namespace locus::train
