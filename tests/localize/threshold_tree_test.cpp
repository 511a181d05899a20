#include "localize/threshold_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <random>
#include <tuple>

#include "locus/error.hpp"
#include "support/contour_sweep.hpp"

namespace locus::localize {
namespace {

using Bounds = std::tuple<int, int, int, int>;

/// Compares every level of the tree with OpenCV's contours of that level.
void expect_opencvs_contours(const cv::Mat& pixels, const std::string& what) {
    const ThresholdTree tree = threshold_tree({pixels.ptr<std::uint8_t>(), pixels.total()}, pixels.cols, pixels.rows);
    for (int level = 0; level < 256; ++level) {
        const test::ContoursAtLevel expected = test::contours_at(pixels, level);
        std::vector<Bounds> theirs, ours;
        for (const cv::Rect& r : expected.boxes) theirs.emplace_back(r.x, r.y, r.x + r.width - 1, r.y + r.height - 1);
        for (const ContourBox& c : tree.contours) {
            if (c.lowest <= level && level <= c.highest) ours.emplace_back(c.left, c.top, c.right, c.bottom);
        }
        const int largest = tree.largest[static_cast<std::size_t>(level)];
        ASSERT_EQ(largest < 0, expected.largest < 0) << what << ", level " << level;
        if (largest >= 0) {
            const ContourBox& box = tree.contours[static_cast<std::size_t>(largest)];
            ASSERT_EQ(Bounds(box.left, box.top, box.right, box.bottom),
                      theirs[static_cast<std::size_t>(expected.largest)])
                << what << ": the largest at level " << level;
            ASSERT_LE(box.lowest, level) << what;
            ASSERT_GE(box.highest, level) << what;
        }
        std::sort(theirs.begin(), theirs.end());
        std::sort(ours.begin(), ours.end());
        ASSERT_EQ(ours, theirs) << what << ", level " << level;
    }
}

cv::Mat filled(int width, int height, const std::function<int(int, int)>& value) {
    cv::Mat pixels(height, width, CV_8U);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) pixels.at<std::uint8_t>(y, x) = static_cast<std::uint8_t>(value(x, y));
    }
    return pixels;
}

cv::Mat drawn(const std::vector<std::string>& rows) {
    return filled(static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), [&](int x, int y) {
        const char c = rows[static_cast<std::size_t>(y)][static_cast<std::size_t>(x)];
        return c == '.' ? 0 : c - '0';
    });
}

cv::Mat noise(int width, int height, int values, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<int> value(0, values - 1);
    return filled(width, height, [&](int, int) { return value(random) * 255 / std::max(values - 1, 1); });
}

cv::Mat smooth(int width, int height, int positions, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    cv::Mat raw(positions, positions, CV_32F), full, pixels;
    for (int y = 0; y < positions; ++y) {
        for (int x = 0; x < positions; ++x) raw.at<float>(y, x) = value(random);
    }
    cv::resize(raw, full, {width, height}, 0, 0, cv::INTER_CUBIC);
    cv::normalize(full, pixels, 0, 255, cv::NORM_MINMAX, CV_8U);
    return pixels;
}

TEST(ThresholdTree, ADiagonalTouchConnects) {
    expect_opencvs_contours(drawn({"9..", ".5.", "..7"}), "diagonal");
    expect_opencvs_contours(drawn({"..9", ".5.", "7.."}), "anti-diagonal");
    expect_opencvs_contours(drawn({"93", "39"}), "saddle");
    expect_opencvs_contours(drawn({"39", "93"}), "other saddle");
}

TEST(ThresholdTree, AHoleHasAContourOfItsOwn) {
    const cv::Mat ring = drawn({".....", ".999.", ".9.9.", ".999.", "....."});
    const ThresholdTree tree = threshold_tree({ring.ptr<std::uint8_t>(), ring.total()}, 5, 5);
    EXPECT_THAT(tree.contours,
                testing::UnorderedElementsAre(ContourBox{1, 1, 3, 3, 0, 8, false}, ContourBox{1, 1, 3, 3, 0, 8, true}));
    expect_opencvs_contours(ring, "ring");
}

TEST(ThresholdTree, ALeakThroughADiagonalIsNoLeak) {
    // The hole's corner touches the outside: 4-connected, it stays a hole.
    expect_opencvs_contours(drawn({"99..", "9.9.", "9999"}), "corner");
    expect_opencvs_contours(drawn({".99.", "9..9", ".99."}), "diamond");
}

TEST(ThresholdTree, NestedRings) {
    const cv::Mat rings = filled(41, 37, [](int x, int y) {
        const int r = std::max(std::abs(x - 20), std::abs(y - 18));
        return r % 4 < 2 ? 200 - 5 * r : 3 * r;
    });
    expect_opencvs_contours(rings, "rings");
}

TEST(ThresholdTree, ASpikeOutsideADiamondHasNoArea) {
    // The hole's polygon and the component's enclose the same area: the component is listed first.
    expect_opencvs_contours(drawn({"..9....", ".9.9...", "9...999", ".9.9...", "..9...."}), "spike");
}

TEST(ThresholdTree, OfEqualAreasTheLastFoundIsTheLargest) {
    expect_opencvs_contours(drawn({"99..99", "99..99", "......", "99..99", "99..99"}), "squares");
    expect_opencvs_contours(drawn({"9.9.9", ".....", "9.9.9"}), "points");
    expect_opencvs_contours(drawn({"999..", "....9", "9...9", "9...9"}), "lines");
}

TEST(ThresholdTree, TheMapsEdgeIsNoHole) {
    expect_opencvs_contours(drawn({"999", "9.9", "9.9"}), "open below");
    expect_opencvs_contours(drawn({".99", "9.9", "999"}), "corner out");
    expect_opencvs_contours(drawn({"999", "999"}), "full");
    expect_opencvs_contours(drawn({"9999", "9..9", "9999"}), "ring on the edge");
}

TEST(ThresholdTree, PlateausAndStaircases) {
    expect_opencvs_contours(drawn({"1122332211", "1133222233", "1111111111", "3322113322"}), "plateaus");
    expect_opencvs_contours(filled(60, 50, [](int x, int y) { return (x / 7 * 13 + y / 5 * 29) % 97; }), "blocks");
}

TEST(ThresholdTree, AConstantMapOfZerosHasNoContours) {
    const std::vector<std::uint8_t> zeros(12, 0);
    const ThresholdTree tree = threshold_tree(zeros, 4, 3);
    EXPECT_TRUE(tree.contours.empty());
    EXPECT_THAT(tree.largest, testing::Each(-1));
    EXPECT_EQ(tree.maximum, 0);
}

TEST(ThresholdTree, SmallMapsOfEverySize) {
    for (int width = 1; width <= 9; ++width) {
        for (int height = 1; height <= 9; ++height) {
            for (unsigned seed = 0; seed < 6; ++seed) {
                expect_opencvs_contours(
                    noise(width, height, 2 + static_cast<int>(seed), seed * 100 + static_cast<unsigned>(width)),
                    std::to_string(width) + " x " + std::to_string(height));
                if (HasFatalFailure()) return;
            }
        }
    }
}

TEST(ThresholdTree, WidthsRoundSixtyFour) {
    for (const int width : {63, 64, 65, 127, 128, 129, 200}) {
        expect_opencvs_contours(noise(width, 12, 5, static_cast<unsigned>(width)),
                                "noise of width " + std::to_string(width));
        expect_opencvs_contours(smooth(width, 40, 6, static_cast<unsigned>(width)),
                                "smooth of width " + std::to_string(width));
        expect_opencvs_contours(
            filled(width, 9, [&](int x, int y) { return y == 4 ? 9 : (x == 0 || x == width - 1 ? 5 : 1); }),
            "flat rows");
    }
}

TEST(ThresholdTree, NoiseOfManyKinds) {
    for (unsigned seed = 0; seed < 12; ++seed) {
        expect_opencvs_contours(noise(40, 31, 256, seed), "noise of 256 values");
        expect_opencvs_contours(noise(33, 50, 3, seed), "noise of 3 values");
        expect_opencvs_contours(noise(50, 50, 2, seed), "noise of 2 values");
    }
}

TEST(ThresholdTree, SmoothMaps) {
    for (unsigned seed = 0; seed < 12; ++seed) {
        expect_opencvs_contours(smooth(112, 90, 5 + static_cast<int>(seed), seed), "smooth");
        expect_opencvs_contours(smooth(60, 60, 20, seed), "rough");
    }
}

TEST(ThresholdTree, RefusesMapsThatDoNotFit) {
    const std::vector<std::uint8_t> pixels(12);
    EXPECT_THROW(threshold_tree(pixels, 3, 3), Error);
    EXPECT_THROW(threshold_tree(pixels, 0, 12), Error);
    EXPECT_THROW(threshold_tree(pixels, -3, -4), Error);
}

}  // namespace
}  // namespace locus::localize
