#include "train/option_ranges.hpp"

#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "train/data/batch_loader.hpp"

namespace locus::train {
namespace {

using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

TEST(OptionRanges, DefaultsAreInside) {
    EXPECT_EQ(error_of([] { check_options({}); }), "");
}

TEST(OptionRanges, WhatBreaksATrainingIsRefusedByName) {
    const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
    const auto complaint = [](const std::function<void(TrainOptions&)>& change) {
        TrainOptions options;
        change(options);
        return error_of([&] { check_options(options); });
    };
    EXPECT_EQ(complaint([](TrainOptions& o) { o.loader_threads = 0; }),
              "usage: --loader-threads takes a whole number from 1 to 1024, not 0");
    EXPECT_EQ(complaint([](TrainOptions& o) { o.augmentation.min_area = -1; }),
              "usage: --min-area takes a number from 0 to 1, not -1");
    EXPECT_THAT(complaint([](TrainOptions& o) { o.preprocessing.std[1] = 0; }), StartsWith("usage: --std takes"));
    EXPECT_THAT(complaint([&](TrainOptions& o) { o.preprocessing.mean[2] = static_cast<float>(nan); }),
                StartsWith("usage: --mean takes"));
    EXPECT_THAT(complaint([&](TrainOptions& o) { o.schedule.peak = infinity; }), StartsWith("usage: --lr takes"));
    EXPECT_THAT(complaint([&](TrainOptions& o) { o.momentum = nan; }), StartsWith("usage: --momentum takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.epochs = 0; }), StartsWith("usage: --epochs takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.batch = 0; }), StartsWith("usage: --batch takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.norm_batch = 0; }), StartsWith("usage: --norm-batch takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.label_smoothing = 1.5; }),
                StartsWith("usage: --label-smoothing takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.mixup = -0.1; }), StartsWith("usage: --mixup takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.augmentation.padding = -1; }), StartsWith("usage: --padding takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.augmentation.erase = 2; }), StartsWith("usage: --erase takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.image_size = -16; }), StartsWith("usage: --size takes"));
    EXPECT_THAT(complaint([](TrainOptions& o) { o.validate_every = 0; }), StartsWith("usage: --val-every takes"));
}

TEST(OptionRanges, SizesOfPhotosRiseInTimeFromTheStart) {
    const auto complaint = [](std::vector<SizeStep> steps) {
        TrainOptions options;
        options.sizes.steps = std::move(steps);
        return error_of([&] { check_options(options); });
    };
    EXPECT_EQ(complaint({{0, 16}, {0.5, 32}, {1, 64}}), "");
    for (const auto& steps : {std::vector<SizeStep>{{0.5, 16}}, {{0, 0}}, {{0, 5000}}, {{0, 16}, {0.5, 8}, {0.2, 4}}})
        EXPECT_THAT(complaint(steps), HasSubstr("--train-sizes takes sizes from 1 to 4096"));
}

TEST(OptionRanges, ALoaderWithoutThreadsIsRefusedAndWaitsForNobody) {
    const auto make = [](std::size_t) { return Batch{}; };
    EXPECT_THAT(error_of([&] { BatchLoader(make, 3, {.threads = 0}); }),
                StartsWith("usage: batches need at least one"));
    EXPECT_THAT(error_of([&] { BatchLoader(make, 3, {.ahead = 0}); }), StartsWith("usage: batches need at least one"));
}

}  // namespace
}  // namespace locus::train
