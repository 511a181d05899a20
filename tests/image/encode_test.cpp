#include "locus/image.hpp"

#include <gtest/gtest.h>

#include "image/decode.hpp"
#include "image/decomposition.hpp"
#include "image/preview.hpp"
#include "image/sample_files.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

using sample::picture;

TEST(Encode, PngGivesEveryPixelBack) {
    const Image image = picture(123, 77);
    EXPECT_EQ(decode(encode_png(image), "png").image.rgb, image.rgb);
    EXPECT_EQ(decode(encode_png(picture(1, 1)), "png").image.rgb, picture(1, 1).rgb);
}

TEST(Encode, JpegStaysCloseAndShrinksWithQuality) {
    const Image image = picture(203, 151);
    const Image back = decode(encode_jpeg(image), "jpeg").image;
    ASSERT_EQ(back.width, 203);
    ASSERT_EQ(back.height, 151);
    // A smooth picture at quality 90 with colour at half resolution.
    for (std::size_t i = 0; i < image.rgb.size(); ++i) ASSERT_NEAR(back.rgb[i], image.rgb[i], 12);
    EXPECT_LT(encode_jpeg(image, 50).size(), encode_jpeg(image, 95).size());
}

TEST(Encode, JpegGrowsBeyondItsFirstGuess) {
    // Noise at quality 100 takes more than the quarter of its bytes that is set aside.
    Image image = picture(300, 300);
    std::uint32_t state = 5;
    for (std::uint8_t& value : image.rgb)
        value = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24U);
    const std::vector<std::byte> bytes = encode_jpeg(image, 100);
    EXPECT_GT(bytes.size(), image.rgb.size() / 4);
    EXPECT_EQ(decode(bytes, "noise").image.width, 300);
}

TEST(Encode, TheSamePictureGivesTheSameBytes) {
    const Image image = picture(64, 48);
    EXPECT_EQ(encode_jpeg(image), encode_jpeg(image));
    EXPECT_EQ(encode_png(image), encode_png(image));
}

TEST(Encode, RefusesWhatCannotBeEncoded) {
    EXPECT_THROW(encode_jpeg({}), Error);
    EXPECT_THROW(encode_png({}), Error);
    EXPECT_THROW(encode_jpeg(picture(2, 2), 0), Error);
    EXPECT_THROW(encode_jpeg(picture(65501, 1)), Error);
}

TEST(Preview, KeepsTheAspectAndNeverEnlarges) {
    const Image small = preview(picture(500, 375), 150);
    EXPECT_EQ(small.width, 125);  // blocks of four
    EXPECT_EQ(small.height, 93);
    const Image smaller = preview(picture(330, 220), 256);
    EXPECT_EQ(smaller.width, 256);  // blocks of two would leave 165
    EXPECT_EQ(smaller.height, 171);
    EXPECT_EQ(preview(picture(40, 30), 128).rgb, picture(40, 30).rgb);
    EXPECT_EQ(preview(picture(2000, 2), 100).height, 1);
}

TEST(Preview, BlocksOfPixelsBecomeTheirMeans) {
    Image checks{.width = 6, .height = 5, .rgb = std::vector<std::uint8_t>(6 * 5 * 3)};
    for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 6; ++x) {
            for (int c = 0; c < 3; ++c)
                checks.pixel(x, y)[c] = static_cast<std::uint8_t>(40 * (x / 2) + 10 * (y / 2) + c + 2 * ((x + y) % 2));
        }
    }
    const Image means = preview(checks, 3);  // the last row is less than a block
    ASSERT_EQ(means.width, 3);
    ASSERT_EQ(means.height, 2);
    for (int y = 0; y < 2; ++y) {
        for (int x = 0; x < 3; ++x) {
            for (int c = 0; c < 3; ++c) EXPECT_EQ(means.pixel(x, y)[c], 40 * x + 10 * y + c + 1) << x << ' ' << y;
        }
    }
}

Explanation explanation(std::vector<float> map) {
    Explanation e;
    e.map = {.width = 2, .height = 2, .values = std::move(map)};
    return e;
}

TEST(Decomposition, HasATileForEachPartTheRestAndTheWhole) {
    Explanation e = explanation({1, 2, 3, 4});
    e.parts = {{.channel = 3, .weight = 0.5, .map = {.width = 2, .height = 2, .values = {0, 2, 0, 4}}},
               {.channel = 7, .weight = -1, .map = {.width = 2, .height = 2, .values = {1, 0, 0, 0}}}};
    const Image photo = picture(120, 60);
    const Image figure = decomposition(photo, e, {0, 0, 120, 60});
    // Four tiles of 240 x 120, 34 pixels for each sign, margins of 14 and captions of 44 pixels.
    EXPECT_EQ(figure.width, 28 + 4 * (240 + 34));
    EXPECT_EQ(figure.height, 28 + 120 + 44);
    EXPECT_EQ(figure.pixel(0, 0)[0], 255);

    // With one part that is the whole map, the first and the last tile show the same, and the rest nothing.
    e.parts = {{.channel = 0, .weight = 2, .map = {.width = 2, .height = 2, .values = {0.5F, 1, 1.5F, 2}}}};
    const Image twice = decomposition(photo, e, {0, 0, 120, 60});
    for (int y = 14; y < 134; ++y) {
        for (int x = 31; x < 271; ++x) ASSERT_EQ(twice.pixel(x, y)[0], twice.pixel(x + 2 * 274, y)[0]) << x << ',' << y;
    }
    EXPECT_NE(twice.pixel(250, 120)[0], twice.pixel(250 + 274, 120)[0]);
}

TEST(Decomposition, SaysWhatIsMissing) {
    Explanation e = explanation({1, 2, 3, 4});
    EXPECT_THROW(decomposition(picture(20, 20), e, {0, 0, 20, 20}), Error);
    e.parts = {{.channel = 0, .weight = 1, .map = {.width = 1, .height = 2, .values = {1, 2}}}};
    EXPECT_THROW(decomposition(picture(20, 20), e, {0, 0, 20, 20}), Error);
}

}  // namespace
}  // namespace locus::image
