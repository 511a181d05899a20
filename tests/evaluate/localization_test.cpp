#include "evaluate/metrics/localization.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "evaluate/baseline.hpp"
#include "evaluate/baseline_scorer.hpp"
#include "evaluate/metrics/map_scores.hpp"
#include "evaluate/metrics/thresholds.hpp"
#include "evaluate/pages/picture.hpp"
#include "evaluate/random.hpp"

namespace locus::evaluate {
namespace {

Region whole(int width, int height) { return {0, 0, static_cast<double>(width), static_cast<double>(height)}; }

TEST(GtKnown, IsTheOverlapOfThePapersBox) {
    // 20 % of 10 is 2: the box covers the two left columns of four, the truth three.
    const Map map{4, 1, {10, 5, 2, 0}};
    const std::array<Box, 1> truths{Box{0, 0, 3, 1}};
    EXPECT_DOUBLE_EQ(map_iou(map, 4, 1, whole(4, 1), truths), 2.0 / 3);
    EXPECT_DOUBLE_EQ(map_iou(map, 4, 1, whole(4, 1), truths, 0.1), 1.0);
}

TEST(GtKnown, AMapWithoutPositiveValueOverlapsNothing) {
    const std::array<Box, 1> truths{Box{0, 0, 2, 1}};
    EXPECT_EQ(map_iou(Map{2, 1, {-1, -2}}, 2, 1, whole(2, 1), truths), 0.0);
}

TEST(Picture, PutsTheMapOfACropWhereTheCropIs) {
    // A crop from (20, 10) to (60, 50) of a photo of 80 x 60, whose evidence fills it. The picture is 176 pixels wide:
    // 2.2 times as large.
    const Image picture = picture_of({}, Map{1, 1, {1}}, {20, 10, 40, 40}, {}, 80, 60, 0.2);
    int left = picture.width, top = picture.height, right = 0, bottom = 0;
    for (int y = 0; y < picture.height; ++y) {
        for (int x = 0; x < picture.width; ++x) {
            const std::uint8_t* p = picture.pixel(x, y);
            if (p[0] != 255 || p[1] != 255 || p[2] != 255) continue;  // the box's white
            left = std::min(left, x), right = std::max(right, x);
            top = std::min(top, y), bottom = std::max(bottom, y);
        }
    }
    EXPECT_NEAR(left, 44, 1);
    EXPECT_NEAR(top, 22, 1);
    EXPECT_NEAR(right, 131, 1);
    EXPECT_NEAR(bottom, 109, 1);
}

TEST(BestIou, TakesTheBestOfTheTrueBoxes) {
    const std::array<Box, 2> truths{Box{0, 0, 2, 2}, Box{4, 4, 4, 4}};
    EXPECT_DOUBLE_EQ(best_iou({4, 4, 4, 2}, truths), 0.5);
    EXPECT_EQ(best_iou({4, 4, 4, 2}, {}), 0.0);
}

TEST(Pointing, TheMaximumIsTheMiddleOfAFlatTop) {
    const auto point = maximum_point(Map{5, 3, {0, 0, 0, 0, 0, 0, 7, 7, 7, 0, 0, 0, 0, 0, 0}}, 5, 3, whole(5, 3));
    ASSERT_TRUE(point);
    EXPECT_EQ(point->x, 2);
    EXPECT_EQ(point->y, 1);
}

TEST(Pointing, ToleranceIsADistance) {
    const std::array<Box, 1> truths{Box{10, 10, 5, 5}};  // columns and rows 10 ... 14
    EXPECT_TRUE(points_at({14, 14}, truths));
    EXPECT_FALSE(points_at({15, 14}, truths));
    EXPECT_TRUE(points_at({17, 18}, truths, 5));   // 3 and 4 away: 5
    EXPECT_FALSE(points_at({18, 18}, truths, 5));  // 4 and 4 away: 5.66
}

TEST(Pointing, AMapWithoutNumbersPointsNowhere) {
    EXPECT_FALSE(maximum_point(Map{1, 1, {std::numeric_limits<float>::quiet_NaN()}}, 3, 3, whole(3, 3)));
}

LocalizationOptions all_from_maps() {
    LocalizationOptions options;
    for (const char* name : {"gt-known", "maxboxacc", "maxboxaccv2", "pxap", "pointing"})
        options.metrics.push_back(find_metric(name));
    return options;
}

TEST(Baselines, TheWholeImageIsRightAtEveryThresholdWhereTheObjectFillsIt) {
    const LocalizationOptions options = all_from_maps();
    const ImageTruth truth = make_truth(100, 80, {{0, 0, 100, 80}}, nullptr, options);
    const ImageScores scores = BaselineScorer(options, 0).score(truth, 0).at(0);
    EXPECT_EQ(scores.values.at("iou"), 1.0);
    EXPECT_EQ(scores.values.at("pointing"), 1.0);
    for (const double threshold : {0.0, 0.5, 0.999}) {
        EXPECT_TRUE(scores.hits->largest[static_cast<std::size_t>(level_of(threshold, scores.hits->maximum))]);
    }
}

TEST(Baselines, TheCentredBoxCoversHalfTheImage) {
    const LocalizationOptions options = all_from_maps();
    const ImageTruth truth = make_truth(200, 100, {{0, 0, 200, 100}}, nullptr, options);
    const ImageScores scores = BaselineScorer(options, 0).score(truth, 0).at(1);
    EXPECT_NEAR(scores.values.at("iou"), 0.5, 0.01);
}

TEST(Baselines, TheCentreGaussianHasADeviationOfAQuarterOfEachSide) {
    const Map map = baseline_map(Baseline::centre_gaussian, 200, 100, 0);
    ASSERT_EQ(map.values.size(), 20000U);
    // A quarter of the width and half of one pixel from the middle: exp(-(50.5 / 50)^2 / 2 - (0.5 / 25)^2 / 2).
    EXPECT_FLOAT_EQ(map.at(150, 50), static_cast<float>(std::exp(-0.5 * (1.01 * 1.01 + 0.02 * 0.02))));
    EXPECT_EQ(map.at(150, 50), map.at(49, 49));
    const ScoreMap scores = baseline_scores(Baseline::centre_gaussian, 224, 0);
    const double corner = std::exp(-std::pow(111.5 / 56, 2)), top = std::exp(-std::pow(0.5 / 56, 2));
    EXPECT_NEAR(scores.values[112 * 224 + 168],
                (std::exp(-0.5 * (std::pow(56.5 / 56, 2) + std::pow(0.5 / 56, 2))) - corner) / (top - corner), 1e-6);
}

TEST(Baselines, TheRandomMapDependsOnTheSeedAlone) {
    EXPECT_EQ(baseline_map(Baseline::random, 10, 10, 7).values, baseline_map(Baseline::random, 99, 3, 7).values);
    EXPECT_NE(baseline_map(Baseline::random, 10, 10, 7).values, baseline_map(Baseline::random, 10, 10, 8).values);
}

TEST(Baselines, APixelPrecisionOfTheWholeImageIsTheObjectsShare) {
    const LocalizationOptions options = all_from_maps();
    Mask mask{4, 4, std::vector<std::uint8_t>(16, mask_background)};
    for (std::size_t i = 0; i < 6; ++i) mask.values[i] = mask_object;
    mask.values[15] = mask_ignore;
    const ImageTruth truth = make_truth(4, 4, {}, &mask, options);
    PixelPrecision pixels(thresholds(options.step));
    pixels.add(BaselineScorer(options, 0).score(truth, 0).at(0).pixels);
    EXPECT_NEAR(pixels.average_precision(), 100 * 6.0 / 15, 1e-12);
}

TEST(Baselines, WhatIsComputedOnceIsWhatEachImageWouldGive) {
    LocalizationOptions options = all_from_maps();
    options.side = 64;
    const BaselineScorer scorer(options, 5);
    Mask mask{9, 7, std::vector<std::uint8_t>(63, mask_background)};
    for (std::size_t i = 20; i < 40; ++i) mask.values[i] = mask_object;
    for (std::size_t image = 0; image < 6; ++image) {
        const int width = 90 + static_cast<int>(image % 2), height = 70;
        const ImageTruth truth = make_truth(width, height, {{10, 20, 50, 40}, {5, 5, 9, 9}}, &mask, options);
        const std::vector<ImageScores> scores = scorer.score(truth, image);
        for (std::size_t b = 0; b < baselines().size(); ++b) {
            // Of the random maps the one is found by trying.
            const std::size_t candidates = baselines()[b] == Baseline::random ? 100 : 1;
            bool found = false;
            for (std::size_t which = 0; which < candidates && !found; ++which) {
                const std::uint64_t seed = seed_of(5, which);
                const Answer answer{baseline_map(baselines()[b], width, height, seed), whole(width, height),
                                    baseline_scores(baselines()[b], options.side, seed)};
                found = score(answer, truth, options) == scores[b];
            }
            EXPECT_TRUE(found) << name(baselines()[b]) << ", image " << image;
        }
    }
}

TEST(MapScores, AnImageWithoutBoxesHasNoBoxMetrics) {
    const LocalizationOptions options = all_from_maps();
    const ImageTruth truth = make_truth(10, 10, {}, nullptr, options);
    const ImageScores scores = score(answer_of(Map{1, 1, {1}}, truth, options), truth, options);
    EXPECT_TRUE(scores.values.empty());
    EXPECT_FALSE(scores.hits);
    EXPECT_TRUE(scores.pixels.empty());
}

}  // namespace
}  // namespace locus::evaluate
