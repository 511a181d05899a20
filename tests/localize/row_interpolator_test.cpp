#include "localize/row_interpolator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "error_of.hpp"
#include "locus/boxes.hpp"
#include "locus/error.hpp"

namespace locus {
namespace {

using test::error_of;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

/// Half-pixel bilinear interpolation as its definition reads, in double.
double sampled(const Map& raw, double u, double v) {
    u = std::clamp(u, 0.0, raw.width - 1.0);
    v = std::clamp(v, 0.0, raw.height - 1.0);
    const int x = static_cast<int>(u), y = static_cast<int>(v);
    const int right = std::min(x + 1, raw.width - 1), below = std::min(y + 1, raw.height - 1);
    const double fx = u - x, fy = v - y;
    return (raw.at(x, y) * (1 - fx) + raw.at(right, y) * fx) * (1 - fy) +
           (raw.at(x, below) * (1 - fx) + raw.at(right, below) * fx) * fy;
}

Map random_map(int width, int height, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    Map map{width, height, std::vector<float>(static_cast<std::size_t>(width) * height)};
    for (float& v : map.values) v = value(random);
    return map;
}

TEST(Upsample, HandMadeRow) {
    // Pixel centres 0.5 ... 3.5 of 4 are at -0.25, 0.25, 0.75, 1.25 of two positions.
    EXPECT_THAT(upsample(Map{2, 1, {0, 4}}, 4, 1).values, ElementsAre(0, 1, 3, 4));
}

TEST(Upsample, IsHalfPixelBilinear) {
    for (const auto& [width, height] : {std::pair{7, 7}, {1, 5}, {14, 3}, {2, 2}}) {
        const Map raw = random_map(width, height, 5);
        const Map full = upsample(raw, 50, 31);
        for (int y = 0; y < 31; ++y) {
            for (int x = 0; x < 50; ++x) {
                EXPECT_NEAR(full.at(x, y), sampled(raw, (x + 0.5) * width / 50 - 0.5, (y + 0.5) * height / 31 - 0.5),
                            1e-6);
            }
        }
    }
}

TEST(Upsample, ToItsOwnSizeChangesNothing) {
    const Map raw = random_map(9, 6, 1);
    EXPECT_EQ(upsample(raw, 9, 6).values, raw.values);
}

TEST(Upsample, OnePositionFillsTheImage) { EXPECT_THAT(upsample(Map{1, 1, {-2.5F}}, 40, 30).values, Each(-2.5F)); }

TEST(Upsample, AConstantMapStaysConstantToTheBit) {
    const Map raw{7, 7, std::vector<float>(49, 0.1F)};
    EXPECT_THAT(upsample(raw, 500, 375).values, Each(0.1F));
}

TEST(Upsample, StaysWithinTheMapsRange) {
    const Map raw = random_map(7, 7, 3);
    const auto [low, high] = std::minmax_element(raw.values.begin(), raw.values.end());
    for (const float value : upsample(raw, 333, 222).values) {
        EXPECT_GE(value, *low);
        EXPECT_LE(value, *high);
    }
}

TEST(Upsample, ReachesAcrossAHugeImage) {
    const Map full = upsample(Map{2, 1, {0, 1}}, most_side, 2);
    EXPECT_EQ(full.at(0, 0), 0.0F);
    EXPECT_EQ(full.at(most_side - 1, 1), 1.0F);
    EXPECT_NEAR(full.at(most_side / 2, 1), 0.5, 1e-4);
}

TEST(Upsample, SizesWithoutEndAreRefusedAtOnce) {
    const Map raw{2, 1, {0, 1}};
    const auto too_many = AllOf(StartsWith("resource: "), HasSubstr("no side may be longer than 65535"));
    for (const auto& [width, height] :
         {std::pair{most_side + 1, 1}, {1, most_side + 1}, {30000, 30000}, {2147483647, 2147483647}}) {
        EXPECT_THAT(error_of([&] { upsample(raw, width, height); }), too_many);
        EXPECT_THAT(error_of([&] { upsample(raw, width, height, {0, 0, 9, 9}); }), too_many);
        EXPECT_THAT(error_of([&] { boxes_from_raw(raw, width, height); }), too_many);
        EXPECT_THAT(error_of([&] { boxes_from_raw(raw, width, height, Region{0, 0, 9, 9}); }), too_many);
    }
    EXPECT_THAT(error_of([&] { boxes(Map{most_side + 1, 1, std::vector<float>(most_side + 1)}); }), too_many);
}

TEST(Upsample, ARegionWithoutNumbersIsNamedAsSuch) {
    const Map raw{2, 1, {0, 1}};
    EXPECT_EQ(error_of([&] {
                  upsample(raw, 8, 1, {NAN, 0, 4, 1});
              }),
              "usage: a region of 4 x 1 pixels at (nan, 0) is not possible: its numbers are finite");
    EXPECT_THAT(error_of([&] { boxes_from_raw(raw, 8, 1, Region{0, 0, INFINITY, 1}); }), HasSubstr("finite"));
    EXPECT_THAT(error_of([&] { upsample(raw, 8, 1, {0, 0, -4, 1}); }), HasSubstr("has no area"));
}

TEST(Upsample, ShrinksToo) { EXPECT_THAT(upsample(Map{4, 1, {0, 1, 2, 3}}, 2, 1).values, ElementsAre(0.5F, 2.5F)); }

TEST(Upsample, OutsideTheRegionIsTheMinimumOrZero) {
    // The network saw the columns 2 ... 5 of 8.
    EXPECT_THAT(upsample(Map{2, 1, {-3, 5}}, 8, 1, {2, 0, 4, 1}).values, ElementsAre(-3, -3, -3, -1, 3, 5, -3, -3));
    EXPECT_THAT(upsample(Map{1, 1, {5}}, 4, 1, {1, 0, 2, 1}).values, ElementsAre(0, 5, 5, 0));
    EXPECT_THAT(upsample(Map{1, 1, {5}}, 1, 3, {0, 1, 1, 1}).values, ElementsAre(0, 5, 0));
}

TEST(Upsample, APixelIsInTheRegionWhereItsCentreIs) {
    // 0.5 <= x + 0.5 < 2.5 holds for pixels 0 and 1.
    EXPECT_THAT(upsample(Map{1, 1, {1}}, 4, 1, {0.5, 0, 2, 1}).values, ElementsAre(1, 1, 0, 0));
    EXPECT_THAT(upsample(Map{1, 1, {1}}, 4, 1, {0.6, 0, 2, 1}).values, ElementsAre(0, 1, 1, 0));
}

TEST(Upsample, APartOfTheImageIsSampledAtFractions) {
    const Map raw = random_map(7, 6, 8);
    const Region region{12.75, 3.5, 40.5, 22.25};
    const Map full = upsample(raw, 64, 33, region);
    for (int y = 4; y < 25; ++y) {
        for (int x = 13; x < 53; ++x) {
            EXPECT_NEAR(full.at(x, y),
                        sampled(raw, (x + 0.5 - region.x) / region.width * 7 - 0.5,
                                (y + 0.5 - region.y) / region.height * 6 - 0.5),
                        1e-6);
        }
    }
}

TEST(Upsample, ARegionBeyondTheImageIsCut) {
    EXPECT_THAT(upsample(Map{2, 1, {1, 3}}, 4, 1, {-4, 0, 8, 1}).values, ElementsAre(2.25F, 2.75F, 3, 3));
    EXPECT_THAT(upsample(Map{1, 1, {1}}, 2, 1, {10, 0, 5, 1}).values, ElementsAre(0, 0));
}

TEST(Upsample, NotANumberStaysInItsNeighbourhood) {
    Map raw = random_map(7, 7, 2);
    raw.at(0, 0) = std::numeric_limits<float>::quiet_NaN();
    const Map full = upsample(raw, 70, 70);
    EXPECT_TRUE(std::isnan(full.at(0, 0)));
    EXPECT_TRUE(std::isfinite(full.at(69, 69)));
}

TEST(Upsample, RefusesWhatHasNoSize) {
    EXPECT_THROW(upsample(Map{}, 4, 4), Error);
    EXPECT_THROW(upsample(Map{2, 2, {1, 2, 3}}, 4, 4), Error);
    EXPECT_THROW(upsample(Map{1, 1, {1}}, 0, 4), Error);
    EXPECT_THROW(upsample(Map{1, 1, {1}}, 4, -1), Error);
    EXPECT_THROW(upsample(Map{1, 1, {1}}, 4, 4, {0, 0, 0, 4}), Error);
    EXPECT_THROW(upsample(Map{1, 1, {1}}, 4, 4, {0, 0, std::nan(""), 4}), Error);
}

TEST(RowInterpolator, RowsMakeTheUpsampledMap) {
    const Map raw = random_map(5, 4, 4);
    const Region region{3, 2, 20, 15};
    const localize::RowInterpolator rows(raw, 31, 19, region);
    const Map full = upsample(raw, 31, 19, region);
    std::vector<float> row(31);
    for (int y = 18; y >= 0; --y) {
        rows.row(y, row);
        EXPECT_TRUE(std::equal(row.begin(), row.end(), full.values.begin() + y * 31)) << y;
    }
}

}  // namespace
}  // namespace locus
