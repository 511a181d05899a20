#include "locus/boxes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <opencv2/imgproc.hpp>
#include <random>

#include "locus/error.hpp"

namespace locus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// A map drawn with characters: '.' is 0, digits are themselves.
Map drawn(const std::vector<std::string>& rows) {
    Map map{static_cast<int>(rows[0].size()), static_cast<int>(rows.size()), {}};
    for (const std::string& row : rows) {
        for (const char c : row) map.values.push_back(c == '.' ? 0.0F : static_cast<float>(c - '0'));
    }
    return map;
}

Map random_map(int width, int height, unsigned seed, float low = -1, float high = 2) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value(low, high);
    Map map{width, height, std::vector<float>(static_cast<std::size_t>(width) * height)};
    for (float& v : map.values) v = value(random);
    return map;
}

TEST(Boxes, LargestComponentAboveTwentyPercent) {
    const Map map = drawn({"9....",  //
                           "9..55",  //
                           "...55",  //
                           ".1..5"});
    EXPECT_THAT(boxes(map), ElementsAre(Box{3, 1, 2, 3, 5.0 / 9}));
}

TEST(Boxes, PixelsAtTheThresholdAreOut) {
    const Map map = drawn({"52223"});  // 0.4 * 5 = 2
    EXPECT_THAT(boxes(map, {.threshold = 0.4, .components = Components::all}),
                ElementsAre(Box{0, 0, 1, 1, 1.0}, Box{4, 0, 1, 1, 0.6}));
}

TEST(Boxes, ThresholdIsComparedInDoublePrecision) {
    // 0.1f lies above the double 0.1, so at a maximum of 1 it is above the threshold 0.1; the float below it is not.
    const Map map{3, 1, {1.0F, std::nextafter(0.1F, 0.0F), 0.1F}};
    EXPECT_THAT(boxes(map, {.threshold = 0.1, .components = Components::all}),
                ElementsAre(Box{0, 0, 1, 1, 1.0}, Box{2, 0, 1, 1, static_cast<double>(0.1F)}));
}

TEST(Boxes, CornersConnect) {
    const Map map = drawn({"9...9",  //
                           ".9.9.",  //
                           "..9.."});
    EXPECT_THAT(boxes(map), ElementsAre(Box{0, 0, 5, 3, 1.0}));
}

TEST(Boxes, AUShapeIsOneComponent) {
    const Map map = drawn({"9.9.9",  //
                           "9.9.9",  //
                           "99999"});
    EXPECT_THAT(boxes(map, {.components = Components::all}), ElementsAre(Box{0, 0, 5, 3, 1.0}));
}

TEST(Boxes, EqualComponentsComeInReadingOrder) {
    const Map map = drawn({"....7",  //
                           "9...7",  //
                           "9....",  //
                           "..8.."});
    EXPECT_THAT(boxes(map, {.components = Components::all}),
                ElementsAre(Box{4, 0, 1, 2, 7.0 / 9}, Box{0, 1, 1, 2, 1.0}, Box{2, 3, 1, 1, 8.0 / 9}));
    EXPECT_THAT(boxes(map), ElementsAre(Box{4, 0, 1, 2, 7.0 / 9}));
}

TEST(Boxes, NoPositiveValueGivesNoBox) {
    EXPECT_THAT(boxes(Map{2, 2, {0, 0, 0, 0}}), IsEmpty());
    EXPECT_THAT(boxes(Map{2, 2, {-3, -1, -2, -5}}), IsEmpty());
    EXPECT_THAT(boxes(Map{0, 0, {}}), IsEmpty());
}

TEST(Boxes, AConstantPositiveMapIsOneWholeBox) {
    EXPECT_THAT(boxes(Map{3, 2, {4, 4, 4, 4, 4, 4}}), ElementsAre(Box{0, 0, 3, 2, 1.0}));
}

TEST(Boxes, ThresholdZeroTakesEveryPositivePixel) {
    EXPECT_THAT(boxes(Map{4, 1, {1e-30F, 5, 0, -1}}, {.threshold = 0}), ElementsAre(Box{0, 0, 2, 1, 0.5}));
}

TEST(Boxes, ValuesThatAreNotFiniteAreNeverIn) {
    EXPECT_THAT(boxes(Map{5, 1, {nan_value, 1, infinity, 1, -infinity}}, {.components = Components::all}),
                ElementsAre(Box{1, 0, 1, 1, 1.0}, Box{3, 0, 1, 1, 1.0}));
    EXPECT_THAT(boxes(Map{2, 1, {nan_value, nan_value}}), IsEmpty());
    EXPECT_THAT(boxes(Map{2, 1, {infinity, infinity}}), IsEmpty());
    EXPECT_THAT(boxes(Map{2, 1, {infinity, -infinity}}), IsEmpty());
    // The maximum is found by groups of 16: a NaN in each place of the row must not hide it.
    for (int place = 0; place < 40; ++place) {
        Map map{41, 1, std::vector<float>(41, 1.0F)};
        map.values[static_cast<std::size_t>(place)] = nan_value;
        map.values[40] = 100;
        EXPECT_THAT(boxes(map), ElementsAre(Box{40, 0, 1, 1, 1.0})) << place;
    }
}

TEST(Boxes, ThresholdOutsideZeroToOneIsRefused) {
    const Map map{1, 1, {1}};
    for (const double threshold : {-0.1, 1.0, 7.0, std::nan("")}) {
        EXPECT_THROW(boxes(map, {.threshold = threshold}), Error) << threshold;
    }
}

TEST(Boxes, AMapWithMissingValuesIsRefused) { EXPECT_THROW(boxes(Map{3, 3, {1, 2}}), Error); }

/// OpenCV's components as an independent implementation.
std::vector<Box> boxes_by_opencv(const Map& map, double threshold) {
    const float maximum = *std::max_element(map.values.begin(), map.values.end());
    if (!(maximum > 0)) return {};
    cv::Mat in(map.height, map.width, CV_8U);
    for (int y = 0; y < map.height; ++y) {
        for (int x = 0; x < map.width; ++x) in.at<std::uint8_t>(y, x) = map.at(x, y) > threshold * maximum ? 1 : 0;
    }
    cv::Mat labels, stats, centres;
    const int count = cv::connectedComponentsWithStats(in, labels, stats, centres, 8);
    std::vector<std::pair<int, Box>> found;
    for (int i = 1; i < count; ++i) {
        double sum = 0;
        for (int y = 0; y < map.height; ++y) {
            for (int x = 0; x < map.width; ++x) sum += labels.at<int>(y, x) == i ? map.at(x, y) : 0.0F;
        }
        const int area = stats.at<int>(i, cv::CC_STAT_AREA);
        found.push_back({area, Box{stats.at<int>(i, cv::CC_STAT_LEFT), stats.at<int>(i, cv::CC_STAT_TOP),
                                   stats.at<int>(i, cv::CC_STAT_WIDTH), stats.at<int>(i, cv::CC_STAT_HEIGHT),
                                   sum / area / maximum}});
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first
                                  : std::tie(a.second.y, a.second.x, a.second.width) <
                                        std::tie(b.second.y, b.second.x, b.second.width);
    });
    std::vector<Box> result;
    for (const auto& [area, box] : found) result.push_back(box);
    return result;
}

bool by_place(const Box& a, const Box& b) {
    return std::tie(a.y, a.x, a.width, a.height, a.score) < std::tie(b.y, b.x, b.width, b.height, b.score);
}

TEST(Boxes, AgreeWithOpenCvOnRandomMaps) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        const Map map = random_map(1 + static_cast<int>(seed % 37), 1 + static_cast<int>(seed % 23), seed);
        std::vector<Box> ours = boxes(map, {.threshold = 0.5, .components = Components::all});
        std::vector<Box> theirs = boxes_by_opencv(map, 0.5);
        std::sort(ours.begin(), ours.end(), by_place);
        std::sort(theirs.begin(), theirs.end(), by_place);
        ASSERT_EQ(ours.size(), theirs.size()) << seed;
        for (std::size_t i = 0; i < ours.size(); ++i) {
            EXPECT_NEAR(ours[i].score, theirs[i].score, 1e-12);
            theirs[i].score = ours[i].score;
            EXPECT_EQ(ours[i], theirs[i]) << seed;
        }
    }
}

TEST(Boxes, FromRawAreThoseOfTheUpsampledMap) {
    for (unsigned seed = 0; seed < 40; ++seed) {
        const Map raw = random_map(7, 5, seed);
        const Region region{10.5, -3, 60, 50.25};
        const BoxOptions options{.threshold = 0.3, .components = Components::all};
        EXPECT_EQ(boxes_from_raw(raw, 90, 61, options), boxes(upsample(raw, 90, 61), options));
        EXPECT_EQ(boxes_from_raw(raw, 90, 61, region, options), boxes(upsample(raw, 90, 61, region), options));
    }
}

TEST(Iou, CountsPixelsInclusively) {
    EXPECT_DOUBLE_EQ(iou({0, 0, 4, 4}, {0, 0, 4, 4}), 1.0);
    EXPECT_DOUBLE_EQ(iou({0, 0, 4, 4}, {2, 0, 4, 4}), 8.0 / 24);
    EXPECT_DOUBLE_EQ(iou({3, 3, 1, 1}, {0, 0, 4, 4}), 1.0 / 16);
}

TEST(Iou, NeighboursDoNotOverlap) {
    EXPECT_EQ(iou({0, 0, 4, 4}, {4, 0, 4, 4}), 0.0);
    EXPECT_EQ(iou({0, 0, 0, 0}, {0, 0, 0, 0}), 0.0);
    EXPECT_EQ(iou({0, 0, -5, 4}, {0, 0, 4, 4}), 0.0);
}

TEST(Iou, DoesNotOverflow) {
    const int big = std::numeric_limits<int>::max();
    EXPECT_DOUBLE_EQ(iou({0, 0, big, big}, {0, 0, big, big}), 1.0);
    EXPECT_EQ(iou({big, big, big, big}, {0, 0, 1, 1}), 0.0);
}

}  // namespace
}  // namespace locus
