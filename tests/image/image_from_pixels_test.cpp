#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "image/sample_files.hpp"
#include "locus/boxes.hpp"
#include "locus/image.hpp"

namespace locus {
namespace {

using image::sample::picture;
using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(ImageFromPixels, ChannelsStandInTheOrderOfTheirNames) {
    const std::uint8_t three[]{1, 2, 3}, four[]{1, 2, 3, 255};
    EXPECT_THAT(image_from_pixels(three, 1, 1, 3, PixelFormat::rgb).rgb, ElementsAre(1, 2, 3));
    EXPECT_THAT(image_from_pixels(three, 1, 1, 3, PixelFormat::bgr).rgb, ElementsAre(3, 2, 1));
    EXPECT_THAT(image_from_pixels(four, 1, 1, 4, PixelFormat::rgba).rgb, ElementsAre(1, 2, 3));
    EXPECT_THAT(image_from_pixels(four, 1, 1, 4, PixelFormat::bgra).rgb, ElementsAre(3, 2, 1));
    EXPECT_THAT(image_from_pixels(three, 2, 1, 2, PixelFormat::gray).rgb, ElementsAre(1, 1, 1, 2, 2, 2));
}

TEST(ImageFromPixels, RowsMayBePadded) {
    const std::uint8_t padded[]{1, 2, 99, 99, 3, 4, 99, 99};
    const Image image = image_from_pixels(padded, 2, 2, 4, PixelFormat::gray);
    EXPECT_EQ(image.width, 2);
    EXPECT_EQ(image.height, 2);
    EXPECT_THAT(image.rgb, ElementsAre(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4));
}

TEST(ImageFromPixels, TransparentPixelsAreLaidOnWhite) {
    // 100 at half the opacity: (100 * 128 + 255 * 127) / 255 = 177.2.
    const std::uint8_t pixels[]{10, 20, 30, 0, 0, 100, 255, 128};
    EXPECT_THAT(image_from_pixels(pixels, 2, 1, 8, PixelFormat::bgra).rgb, ElementsAre(255, 255, 255, 255, 177, 127));
}

TEST(ImageFromPixels, WhatCannotBeCopiedIsRefused) {
    const std::uint8_t pixels[12]{};
    const auto refusal = [&](const std::uint8_t* from, int width, int height, std::size_t stride,
                             PixelFormat format = PixelFormat::rgb) {
        return error_of([&] { image_from_pixels(from, width, height, stride, format); });
    };
    EXPECT_THAT(refusal(nullptr, 2, 2, 6), StartsWith("usage: there are no pixels to copy"));
    EXPECT_THAT(refusal(pixels, 0, 2, 6), StartsWith("usage: there are no pixels to copy"));
    EXPECT_THAT(refusal(pixels, 2, -2, 6), StartsWith("usage: there are no pixels to copy"));
    EXPECT_EQ(refusal(pixels, 2, 2, 5),
              "usage: rows of 2 pixels of 3 bytes cannot begin every 5 bytes: 6 is the least");
    EXPECT_THAT(refusal(pixels, 2, 2, 6, static_cast<PixelFormat>(9)), StartsWith("usage: there is no pixel format 9"));
    EXPECT_THAT(refusal(pixels, most_side + 1, 1, 1 << 20), StartsWith("resource: "));
    EXPECT_THAT(refusal(pixels, 60000, 60000, 1 << 20), StartsWith("resource: "));
}

TEST(ReadImage, TakesAFileInMemory) {
    const Image image = picture(31, 17);
    const Image back = read_image(encode_png(image));
    EXPECT_EQ(back.width, 31);
    EXPECT_EQ(back.rgb, image.rgb);
    EXPECT_EQ(read_image(encode_jpeg(image)).height, 17);
    std::vector<std::byte> cut = encode_png(image);
    cut.resize(cut.size() / 2);
    EXPECT_THAT(error_of([&] { read_image(cut); }), HasSubstr("image: 'the picture in memory'"));
    EXPECT_THAT(error_of([&] { read_image(std::vector<std::byte>()); }), StartsWith("image: "));
    EXPECT_THAT(error_of([&] { read_image(encode_png(image), 7); }), StartsWith("usage: "));
}

}  // namespace
}  // namespace locus
