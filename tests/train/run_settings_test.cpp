#include "train/run_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "color_photos.hpp"

namespace locus::train {
namespace {

class Settings : public testing::Test {
protected:
    void SetUp() override {
        test::write_colors(folder, "train", 2);
        options.data = {folder / "train"};
    }
    RunSettings of(const TrainOptions& some, int ranks = 1) const {
        return run_settings(some, load_training_data(some, 1), ranks);
    }
    /// Of `changed` against the options.
    std::string differing(const TrainOptions& changed) const { return differences(of(changed), of(options), "was"); }

    test::ScratchFolder folder;
    TrainOptions options;
};

TEST_F(Settings, EveryOptionThatShapesTheResultIsNamed) {
    const auto expect = [&](const char* name, const std::function<void(TrainOptions&)>& change) {
        TrainOptions changed = options;
        change(changed);
        EXPECT_THAT(differing(changed), testing::StartsWith(name));
    };
    expect("--arch is nin and was tiny", [](TrainOptions& o) { o.network = "nin"; });
    expect("--width is 0.5 and was 1", [](TrainOptions& o) { o.width = 0.5; });
    expect("--head is gmp and was gap", [](TrainOptions& o) { o.head = "gmp"; });
    expect("--cut-at is layer3 and was not given", [](TrainOptions& o) { o.cut_at = "layer3"; });
    expect("--freeze is old and was not given", [](TrainOptions& o) { o.only_new = true; });
    expect("--size is 32 and was 0", [](TrainOptions& o) { o.image_size = 32; });
    expect("--mean is 0 0 0 and was ", [](TrainOptions& o) { o.preprocessing.mean = {0, 0, 0}; });
    expect("--std is 1 1 1 and was ", [](TrainOptions& o) { o.preprocessing.std = {1, 1, 1}; });
    expect("the value of white is 255 and was 1", [](TrainOptions& o) { o.preprocessing.range = 255; });
    expect("the order of colours is bgr", [](TrainOptions& o) { o.preprocessing.color = ColorOrder::bgr; });
    expect("--train-sizes is 16@0,32@0.5 and was not given",
           [](TrainOptions& o) { o.sizes = SizeSchedule::parse("16@0,32@0.5"); });
    expect("--batch over all ranks is 4 and was 128", [](TrainOptions& o) { o.batch = 4; });
    expect("--norm-batch is 4 and was 32", [](TrainOptions& o) { o.norm_batch = 4; });
    expect("--optimizer is adamw and was sgd", [](TrainOptions& o) { o.optimizer = Optimizer::adamw; });
    expect("--lr is 0.1 and was 0.2", [](TrainOptions& o) { o.schedule.peak = 0.1; });
    expect("--schedule is cosine and was one-cycle",
           [](TrainOptions& o) { o.schedule.shape = Schedule::Shape::cosine; });
    expect("--warm-up is 0 and was 0.2", [](TrainOptions& o) { o.schedule.warm_up = 0; });
    expect("--momentum is 0 and was 0.9", [](TrainOptions& o) { o.momentum = 0; });
    expect("--weight-decay is 0 and was 0.0005", [](TrainOptions& o) { o.weight_decay = 0; });
    expect("--label-smoothing is 0 and was 0.1", [](TrainOptions& o) { o.label_smoothing = 0; });
    expect("--mixup is 0.2 and was 0", [](TrainOptions& o) { o.mixup = 0.2; });
    expect("--precision is bfloat16 and was float32", [](TrainOptions& o) { o.bfloat16 = true; });
    expect("--ema is 0 and was 0.999", [](TrainOptions& o) { o.average = 0; });
    expect("the momentum of statistics is 0.5", [](TrainOptions& o) { o.statistics_momentum = 0.5; });
    expect("--min-area is 1 and was 0.35", [](TrainOptions& o) { o.augmentation.min_area = 1; });
    expect("the aspect of crops is 1 and was", [](TrainOptions& o) { o.augmentation.max_aspect = 1; });
    expect("--padding is 4 and was 0", [](TrainOptions& o) { o.augmentation.padding = 4; });
    expect("--flip is off and was on", [](TrainOptions& o) { o.augmentation.flip = false; });
    expect("--alternate-flips is on and was off", [](TrainOptions& o) { o.augmentation.alternate_flips = true; });
    expect("--jitter is 0.5 and was 0", [](TrainOptions& o) { o.augmentation.jitter = 0.5; });
    expect("--erase is 0.5 and was 0", [](TrainOptions& o) { o.augmentation.erase = 0.5; });
    expect("--bits is 12 and was not given", [](TrainOptions& o) { o.sample_bits = 12; });
    expect("--seed is 2 and was 1", [](TrainOptions& o) { o.seed = 2; });
    expect("the list of training photos is another", [](TrainOptions& o) { o.validation_split = 0.5; });
}

TEST_F(Settings, WhatChangesNoBitIsFree) {
    TrainOptions changed = options;
    changed.epochs = 99;
    changed.minutes = 5;
    changed.engine_threads = 3;
    changed.loader_threads = 3;
    changed.photo_memory = 0;
    changed.validation = options.data;
    changed.validate_every = 7;
    changed.checkpoint_every = 1;
    changed.stop_after_steps = 9;
    changed.half_weights = true;
    changed.output = "elsewhere.onnx";
    changed.folder = "elsewhere";
    EXPECT_EQ(differing(changed), "");
    changed.batch = options.batch / 2;  // two ranks of half the batch take the same steps
    EXPECT_EQ(differences(of(changed, 2), of(options), "was"), "");
}

TEST_F(Settings, OtherPhotosOfTheSameNumberAreSeen) {
    const RunSettings before = of(options);
    std::filesystem::rename(folder / "train/red/0.bmp", folder / "train/red/9.bmp");
    EXPECT_EQ(differences(of(options), before, "was"), "the list of training photos is another");
}

TEST_F(Settings, OtherNamesOfTheSameClassesAreSeen) {
    folder.write("names.csv", "folder,name\nblue,Blau\ngreen,Gruen\nred,Rot\n");
    TrainOptions changed = options;
    changed.classes = folder / "names.csv";
    EXPECT_EQ(differing(changed), "the list of classes is another");
}

TEST(Differences, AreOneSentence) {
    const RunSettings before{{"--lr", "0.1"}, {"--seed", "1"}, {"--old", "3"}, {"--same", "x"}};
    const RunSettings now{{"--lr", "0.2"}, {"--seed", "1"}, {"--new", "4"}, {"--same", "x"}};
    EXPECT_EQ(differences(now, before, "was"),
              "--lr is 0.2 and was 0.1, and --new is 4 and was not given, and --old is not given and was 3");
    EXPECT_EQ(differences(now, now, "was"), "");
}

}  // namespace
}  // namespace locus::train
