#include "image/preprocess.hpp"

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "image/resampling.hpp"
#include "image/sample_files.hpp"
#include "locus/error.hpp"

namespace locus {
namespace {

using image::sample::picture;
using test::error_of;
using testing::HasSubstr;

/// Not smooth: every pixel matters.
Image noise(int width, int height) {
    Image image = picture(width, height);
    std::uint32_t state = 12345;
    for (std::uint8_t& value : image.rgb) {
        state = state * 1664525U + 1013904223U;
        value = static_cast<std::uint8_t>(state >> 24U);
    }
    return image;
}

/// The triangle filter straight from its definition, one output value at a time, in double: no separation, no tables.
double direct(const Image& image, const Region& region, int width, int height, int x, int y, int channel) {
    const double scale_x = region.width / width;
    const double scale_y = region.height / height;
    const double support_x = std::max(scale_x, 1.0);
    const double support_y = std::max(scale_y, 1.0);
    const double center_x = region.x + (x + 0.5) * scale_x;
    const double center_y = region.y + (y + 0.5) * scale_y;
    double sum = 0, weights = 0;
    for (int j = 0; j < image.height; ++j) {
        const double wy = std::max(0.0, 1 - std::abs(j + 0.5 - center_y) / support_y);
        if (wy == 0) continue;
        for (int i = 0; i < image.width; ++i) {
            const double w = wy * std::max(0.0, 1 - std::abs(i + 0.5 - center_x) / support_x);
            sum += w * image.pixel(i, j)[channel];
            weights += w;
        }
    }
    return sum / weights;
}

Preprocessing plain(int width, int height) {
    return {.width = width, .height = height, .mean = {0, 0, 0}, .std = {1, 1, 1}, .range = 255};
}

TEST(Preprocess, ShrinkingAveragesUnderATriangle) {
    // A row of 8 to 4 pixels: scale 2, support 2. Output 1 has its centre at 3: pixels 1 ... 4 lie at distances 1.5,
    // 0.5, 0.5, 1.5 and weigh 0.25, 0.75, 0.75, 0.25, over 2. Output 0 has its centre at 1: pixels 0, 1, 2 weigh 0.75,
    // 0.75, 0.25, over 1.75.
    Image row{.width = 8, .height = 1, .rgb = {}};
    for (const int v : {0, 10, 40, 90, 160, 200, 220, 250})
        row.rgb.insert(row.rgb.end(), 3, static_cast<std::uint8_t>(v));
    const Tensor x = preprocess(row, plain(4, 1));
    const auto values = x.values<float>();
    EXPECT_NEAR(values[0], (0.75 * 0 + 0.75 * 10 + 0.25 * 40) / 1.75, 1e-4);
    EXPECT_NEAR(values[1], (0.25 * 10 + 0.75 * 40 + 0.75 * 90 + 0.25 * 160) / 2, 1e-4);
}

TEST(Preprocess, EnlargingIsBilinearWithHalfPixelCentres) {
    // 2 to 4 pixels: centres at 0.25, 0.75, 1.25, 1.75 of pixels centred at 0.5 and 1.5; the edges extend outwards.
    Image row{.width = 2, .height = 1, .rgb = {0, 0, 0, 100, 100, 100}};
    const Tensor x = preprocess(row, plain(4, 1));
    EXPECT_THAT(std::vector<float>(x.values<float>().begin(), x.values<float>().begin() + 4),
                testing::Pointwise(testing::FloatNear(1e-4F), {0.0F, 25.0F, 75.0F, 100.0F}));
}

TEST(Preprocess, EqualsTheDirectComputation) {
    struct Case {
        int width, height, to_width, to_height;
        Resize resize;
    };
    for (const Case c :
         {Case{50, 37, 22, 22, Resize::squash}, Case{37, 50, 22, 13, Resize::crop}, Case{10, 8, 23, 31, Resize::squash},
          Case{16, 16, 16, 16, Resize::squash}, Case{1, 1, 5, 4, Resize::squash}, Case{90, 7, 11, 20, Resize::crop},
          Case{3, 200, 7, 7, Resize::squash}}) {
        const Image image = noise(c.width, c.height);
        Preprocessing p = plain(c.to_width, c.to_height);
        p.resize = c.resize;
        const Region region = visible_region(c.width, c.height, p);
        const Tensor x = preprocess(image, p);
        ASSERT_EQ(x.shape(), (Shape{1, 3, c.to_height, c.to_width}));
        const auto values = x.values<float>();
        std::size_t at = 0;
        for (int channel = 0; channel < 3; ++channel) {
            for (int y = 0; y < c.to_height; ++y) {
                for (int column = 0; column < c.to_width; ++column, ++at) {
                    // float32 sums of at most some hundred values up to 255.
                    ASSERT_NEAR(values[at], direct(image, region, c.to_width, c.to_height, column, y, channel), 2e-4)
                        << c.width << 'x' << c.height << ' ' << column << ',' << y;
                }
            }
        }
    }
}

TEST(Preprocess, FollowsPillowWhereItRoundsAndWhereItDoesNot) {
    // Pillow sums j from int(center - support + 0.5) to int(center + support + 0.5) - 1. With 5 pixels to 2, scale 2.5:
    // centre 1.25 gives 0 ... 3, centre 3.75 gives 1 ... 4 (cut), each normalised over what was taken.
    const image::Resampling r = image::triangle_filter(5, 0, 5, 2);
    ASSERT_EQ(r.taps.size(), 2U);
    EXPECT_EQ(r.taps[0].first, 0);
    EXPECT_EQ(r.taps[0].count, 4);
    EXPECT_EQ(r.taps[1].first, 1);
    EXPECT_EQ(r.taps[1].count, 4);
    // Distances 0.75, 0.25, 1.25, 2.25 over 2.5: weights 0.7, 0.9, 0.5, 0.1 over 2.2.
    EXPECT_NEAR(r.weights[0], 0.7 / 2.2, 1e-6);
    EXPECT_NEAR(r.weights[1], 0.9 / 2.2, 1e-6);
    EXPECT_NEAR(r.weights[2], 0.5 / 2.2, 1e-6);
    EXPECT_NEAR(r.weights[3], 0.1 / 2.2, 1e-6);
}

TEST(Preprocess, NormalisesInTheNetworksColourOrder) {
    const Image image{.width = 1, .height = 1, .rgb = {51, 102, 204}};  // 0.2, 0.4, 0.8
    Preprocessing p{.width = 1, .height = 1, .mean = {0.1F, 0.2F, 0.3F}, .std = {0.5F, 0.25F, 0.1F}};
    const auto values = [&] {
        const Tensor x = preprocess(image, p);
        return std::vector<float>(x.values<float>().begin(), x.values<float>().end());
    };
    EXPECT_THAT(values(), testing::Pointwise(testing::FloatNear(1e-5F), {0.2F, 0.8F, 5.0F}));
    p.color = ColorOrder::bgr;  // (0.8 - 0.1) / 0.5, (0.4 - 0.2) / 0.25, (0.2 - 0.3) / 0.1
    EXPECT_THAT(values(), testing::Pointwise(testing::FloatNear(1e-5F), {1.4F, 0.8F, -1.0F}));
    p.range = 255;
    EXPECT_THAT(values(), testing::Pointwise(testing::FloatNear(1e-3F), {1.4F * 255, 0.8F * 255, -255.0F}));
    p.range = 1;
    p.color = ColorOrder::gray;  // 0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.8 = 0.3858
    EXPECT_THAT(values(), testing::Pointwise(testing::FloatNear(1e-5F), {(0.3858F - 0.1F) / 0.5F}));
}

TEST(Preprocess, LayoutsHoldTheSameValues) {
    const Image image = noise(9, 7);
    Preprocessing p{.width = 5, .height = 4};
    const Tensor planes = preprocess(image, p);
    p.layout = Layout::nhwc;
    const Tensor pixels = preprocess(image, p);
    EXPECT_EQ(pixels.shape(), (Shape{1, 4, 5, 3}));
    for (std::size_t i = 0; i < 20; ++i) {
        for (std::size_t c = 0; c < 3; ++c)
            EXPECT_EQ(pixels.values<float>()[3 * i + c], planes.values<float>()[20 * c + i]);
    }
}

TEST(Preprocess, BytesAreRoundedAndNotNormalised) {
    const Image image = noise(30, 20);
    Preprocessing p = plain(12, 8);
    const Tensor exact = preprocess(image, p);
    p.type = DataType::uint8;
    p.mean = {0.5F, 0.5F, 0.5F};
    const Tensor bytes = preprocess(image, p);
    ASSERT_EQ(bytes.type(), DataType::uint8);
    for (std::size_t i = 0; i < exact.values<float>().size(); ++i) {
        EXPECT_EQ(bytes.values<std::uint8_t>()[i], std::floor(exact.values<float>()[i] + 0.5F));
    }
}

TEST(Preprocess, HalvesAreTheFloatsRoundedToNearestEven) {
    const Image image = noise(40, 30);
    Preprocessing p{.width = 17, .height = 19};
    const Tensor floats = preprocess(image, p);
    p.type = DataType::float16;
    const Tensor halves = preprocess(image, p);
    ASSERT_EQ(halves.type(), DataType::float16);
    // The tensor's own conversion is tested with the tensor.
    const Tensor expected = floats.to(DataType::float16);
    EXPECT_TRUE(std::ranges::equal(halves.bytes(), expected.bytes()));
}

TEST(Preprocess, WritesIntoABatch) {
    const Image a = noise(20, 20);
    const Image b = picture(31, 14);
    const Preprocessing p{.width = 8, .height = 6};
    Tensor batch(DataType::float32, {2, 3, 6, 8});
    ASSERT_EQ(input_bytes(p), std::size_t{3 * 6 * 8 * 4});
    preprocess_into(a, p, batch.mutable_bytes().first(input_bytes(p)));
    preprocess_into(b, p, batch.mutable_bytes().last(input_bytes(p)));
    const Tensor first = preprocess(a, p), last = preprocess(b, p);
    EXPECT_TRUE(std::ranges::equal(batch.bytes().first(input_bytes(p)), first.bytes()));
    EXPECT_TRUE(std::ranges::equal(batch.bytes().last(input_bytes(p)), last.bytes()));
    EXPECT_THROW(preprocess_into(a, p, batch.mutable_bytes()), Error);
}

/// What preprocess says of a photo with preprocessing that `change` has changed.
template <class Change> std::string refusal(const Change& change) {
    Preprocessing p{.width = 8, .height = 6};
    change(p);
    return error_of([&] { preprocess(picture(9, 7), p); });
}

TEST(Preprocess, WhatIsNoNumberIsRefused) {
    EXPECT_EQ(refusal([](Preprocessing& p) { p.mean[1] = NAN; }),
              "usage: a mean of nan is not possible: it is a finite number");
    EXPECT_THAT(refusal([](Preprocessing& p) { p.mean[2] = INFINITY; }), HasSubstr("a mean of inf"));
    EXPECT_THAT(refusal([](Preprocessing& p) { p.std[0] = NAN; }), HasSubstr("a standard deviation of nan"));
    EXPECT_THAT(refusal([](Preprocessing& p) { p.std[0] = 0; }), HasSubstr("a standard deviation of 0"));
    for (const float range : {NAN, INFINITY, 0.0F, -1.0F})
        EXPECT_THAT(refusal([&](Preprocessing& p) { p.range = range; }), HasSubstr("usage: a range of "));
    // Bytes are given as they are.
    EXPECT_EQ(refusal([](Preprocessing& p) { p.mean[1] = NAN, p.type = DataType::uint8; }), "");
}

TEST(Preprocess, NumbersThatAreNoEnumeratorAreRefused) {
    EXPECT_EQ(refusal([](Preprocessing& p) { p.resize = static_cast<Resize>(7); }),
              "usage: the preprocessing's resize is 7, which is none of those that there are");
    EXPECT_THAT(refusal([](Preprocessing& p) { p.color = static_cast<ColorOrder>(7); }), HasSubstr("color is 7"));
    EXPECT_THAT(refusal([](Preprocessing& p) { p.layout = static_cast<Layout>(7); }), HasSubstr("layout is 7"));
    EXPECT_THAT(refusal([](Preprocessing& p) { p.type = static_cast<DataType>(77); }), HasSubstr("unsupported: "));
    EXPECT_EQ(name(static_cast<Resize>(7)), "");
    EXPECT_EQ(name(static_cast<ColorOrder>(7)), "");
    EXPECT_EQ(name(static_cast<Layout>(7)), "");
}

TEST(Preprocess, ACropPctCountsForCropsAlone) {
    Preprocessing p{.width = 8, .height = 6, .crop_pct = 1.5F};
    EXPECT_EQ(visible_region(20, 10, p).width, 20);
    p.resize = Resize::crop;
    EXPECT_THAT(error_of([&] { visible_region(20, 10, p); }), HasSubstr("usage: a crop_pct of 1.5"));
}

TEST(Preprocess, TheRegionIsWhatIsSeen) {
    const Preprocessing squash{.width = 224, .height = 224};
    const Region all = visible_region(500, 375, squash);
    EXPECT_EQ(all.x, 0);
    EXPECT_EQ(all.width, 500);
    EXPECT_EQ(all.height, 375);
    // 224 / 0.875 = 256: the shorter side, 375, becomes 256, and the crop keeps 224 of it: 375 * 0.875 = 328.125 pixels
    // of the photo.
    Preprocessing crop = squash;
    crop.resize = Resize::crop;
    const Region middle = visible_region(500, 375, crop);
    EXPECT_DOUBLE_EQ(middle.width, 328.125);
    EXPECT_DOUBLE_EQ(middle.height, 328.125);
    EXPECT_DOUBLE_EQ(middle.x, (500 - 328.125) / 2);
    EXPECT_DOUBLE_EQ(middle.y, (375 - 328.125) / 2);
    // Squashed to 256 x 256 of which the middle 224 x 224 is kept: seven eighths of each side.
    Preprocessing squash_crop = squash;
    squash_crop.resize = Resize::squash_crop;
    const Region part = visible_region(500, 375, squash_crop);
    EXPECT_DOUBLE_EQ(part.x, 500 / 16.0);
    EXPECT_DOUBLE_EQ(part.y, 375 / 16.0);
    EXPECT_DOUBLE_EQ(part.width, 437.5);
    EXPECT_DOUBLE_EQ(part.height, 328.125);
    // An input twice as wide as high of a square photo: the width is what is short.
    crop.height = 112;
    const Region wide = visible_region(400, 400, crop);
    EXPECT_DOUBLE_EQ(wide.width, 350);
    EXPECT_DOUBLE_EQ(wide.height, 175);
}

TEST(Preprocess, CroppingEqualsCroppingTheResizedPhoto) {
    // 512 x 384 at crop_pct 0.5 to 96: the shorter side to 192, the photo to 256 x 192, whose middle begins at the
    // whole pixel (80, 48).
    const Image image = noise(512, 384);
    Preprocessing crop = plain(96, 96);
    crop.resize = Resize::crop;
    crop.crop_pct = 0.5F;
    const Tensor part = preprocess(image, crop);
    const Tensor whole = preprocess(image, plain(256, 192));
    for (std::size_t y = 0; y < 96; ++y) {
        for (std::size_t x = 0; x < 96; ++x) {
            EXPECT_NEAR(part.values<float>()[y * 96 + x], whole.values<float>()[(y + 48) * 256 + x + 80], 1e-4);
        }
    }
}

TEST(Preprocess, SaysWhichSettingIsImpossible) {
    const Image image = picture(4, 4);
    const auto message = [&](const Preprocessing& p) -> std::string {
        try {
            preprocess(image, p);
        } catch (const Error& error) {
            return error.what();
        }
        return "no error";
    };
    EXPECT_THAT(message({.width = 0}), testing::HasSubstr("0 x 224"));
    EXPECT_THAT(message({.std = {1, 0, 1}}), testing::HasSubstr("deviation of 0"));
    EXPECT_THAT(message({.resize = Resize::crop, .crop_pct = 0}), testing::HasSubstr("crop_pct of 0"));
    EXPECT_THAT(message({.type = DataType::int64}), testing::HasSubstr("int64"));
    EXPECT_THROW(preprocess(Image{}, Preprocessing{}), Error);
}

TEST(Preprocess, NeededSideLeavesTheNetworkNothingToMiss) {
    EXPECT_EQ(image::needed_side({.width = 224, .height = 160}), 672);
    EXPECT_EQ(image::needed_side({.width = 224, .height = 224, .resize = Resize::crop, .crop_pct = 0.875F}), 768);
    EXPECT_EQ(image::needed_side({.width = 224, .height = 224, .resize = Resize::squash_crop, .crop_pct = 0.5F}), 1344);
}

TEST(Preprocess, ResizesAreNamedAsTheyAreRead) {
    for (const Resize resize : {Resize::squash, Resize::crop, Resize::squash_crop})
        EXPECT_EQ(resize_of(name(resize)), resize);
    EXPECT_EQ(name(Resize::squash_crop), "squash-crop");
    EXPECT_EQ(resize_of("stretch"), std::nullopt);
}

}  // namespace
}  // namespace locus
