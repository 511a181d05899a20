#include "train/schedule.hpp"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "train/data/augment.hpp"
#include "train/data/batch_loader.hpp"

namespace locus::train {
namespace {

TEST(Schedule, OneCycleRisesToThePeakAndEndsAtNothing) {
    const Schedule schedule{.shape = Schedule::Shape::one_cycle, .peak = 0.5, .warm_up = 0.2};
    EXPECT_NEAR(schedule.learning_rate(0), 0.02, 1e-12);  // peak / 25
    EXPECT_NEAR(schedule.learning_rate(0.2), 0.5, 1e-12);
    EXPECT_NEAR(schedule.learning_rate(0.6), 0.25, 1e-12);
    EXPECT_NEAR(schedule.learning_rate(1), 0, 1e-12);
}

TEST(Schedule, SizesHoldFromTheirShareOn) {
    const SizeSchedule sizes = SizeSchedule::parse("40@0,48@0.4,64@0.75");
    EXPECT_EQ(sizes.size(0), 40);
    EXPECT_EQ(sizes.size(0.39), 40);
    EXPECT_EQ(sizes.size(0.4), 48);
    EXPECT_EQ(sizes.size(1), 64);
    EXPECT_EQ(SizeSchedule::parse("64").size(0.5), 64);
    for (const char* wrong : {"", "x", "48@0.5", "48@0,64@2", "48@0,64@0.5,32@0.2", "48@0;64"}) {
        EXPECT_THAT(test::error_of([&] { SizeSchedule::parse(wrong); }), testing::StartsWith("usage")) << wrong;
    }
}

/// A picture whose red is x and whose green is y.
Image ramp(int width, int height) {
    Image image{width, height,
                std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            image.pixel(x, y)[0] = static_cast<std::uint8_t>(x);
            image.pixel(x, y)[1] = static_cast<std::uint8_t>(y);
        }
    }
    return image;
}

const Preprocessing raw{.mean = {0, 0, 0}, .std = {1, 1, 1}, .range = 255};

TEST(Augment, WithoutVariationThePhotoIsItself) {
    const Image photo = ramp(8, 8);
    std::vector<float> out(3 * 64);
    Random random(1);
    augment(photo, {.min_area = 1, .flip = false}, false, 8, raw, random, out.data());
    EXPECT_FLOAT_EQ(out[3], 3);           // red of (3, 0)
    EXPECT_FLOAT_EQ(out[64 + 5 * 8], 5);  // green of (0, 5)
    augment(photo, {.min_area = 1, .flip = false}, true, 8, raw, random, out.data());
    EXPECT_FLOAT_EQ(out[0], 7);  // mirrored
}

TEST(Augment, CropsStayInsideAndKeepTheirShare) {
    const Image photo = ramp(100, 60);
    std::vector<float> out(3 * 16 * 16);
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        Random random(seed);
        augment(photo, {.min_area = 0.25, .flip = false}, false, 16, raw, random, out.data());
        const double width = (out[15] - out[0]) * 16 / 15, height = (out[256 + 15 * 16] - out[256]) * 16 / 15;
        // Antialiasing pulls the outer pixels in by up to a pixel of the output, six pixels of the photo.
        EXPECT_GT(width * height, 0.25 * 6000 * 0.6);
        EXPECT_LT(width, 101);
        EXPECT_LT(height, 61);
        for (std::size_t i = 0; i < 256; ++i) ASSERT_LE(out[i], 99.001F);
    }
}

TEST(Augment, PaddingShiftsAndFillsWithBlack) {
    const Image photo = ramp(16, 16);
    std::vector<float> out(3 * 256);
    bool shifted = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Random random(seed);
        augment(photo, {.padding = 4, .flip = false}, false, 16, raw, random, out.data());
        shifted = shifted || out[8] != 8;
        EXPECT_NEAR(out[256 + 8 * 16 + 8] - out[256 + 7 * 16 + 8], 1, 1e-5);  // still at its own scale
    }
    EXPECT_TRUE(shifted);
}

TEST(Augment, FlipsAlternateWhereAsked) {
    int flips = 0;
    for (std::uint64_t sample = 0; sample < 1000; ++sample) {
        EXPECT_NE(is_flipped({.alternate_flips = true}, 3, 0, sample),
                  is_flipped({.alternate_flips = true}, 3, 1, sample));
        flips += is_flipped({}, 3, 0, sample);
    }
    EXPECT_NEAR(flips, 500, 80);  // five standard deviations of 1000 coins
}

TEST(BatchLoader, OrderIsKeptAndFailuresArrive) {
    BatchLoader loader([](std::size_t i) { return Batch{.count = static_cast<int>(i)}; }, 50,
                       {.threads = 4, .ahead = 3});
    for (int i = 0; i < 50; ++i) EXPECT_EQ(loader.next().value().count, i);
    EXPECT_FALSE(loader.next().has_value());
    BatchLoader failing([](std::size_t i) -> Batch { throw std::runtime_error("batch " + std::to_string(i)); }, 3);
    EXPECT_THROW(failing.next(), std::runtime_error);
}

TEST(Random, DependsOnSeedEpochAndSample) {
    EXPECT_EQ(Random(1, 2, 3).next(), Random(1, 2, 3).next());
    EXPECT_NE(Random(1, 2, 3).next(), Random(1, 3, 2).next());
    EXPECT_NE(Random(1, 2, 3).next(), Random(2, 2, 3).next());
    const auto order = shuffled(100, 1, 0);
    EXPECT_NE(order, shuffled(100, 1, 1));
    EXPECT_EQ(std::set<std::uint32_t>(order.begin(), order.end()).size(), 100U);
}

}  // namespace
}  // namespace locus::train
