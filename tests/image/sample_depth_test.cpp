#include "image/sample_depth.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "image/decode.hpp"
#include "image/sample_files.hpp"

namespace locus::image {
namespace {

using sample::Bytes;
using testing::ElementsAre;
using testing::HasSubstr;

using Samples = std::vector<std::uint16_t>;

/// A grey or RGB PNG of one row of 16-bit samples; `significant` is what its sBIT chunk says, 0: it has none.
Bytes png(const Samples& samples, int color_type = PNG_COLOR_TYPE_GRAY, int significant = 0,
          int interlace = PNG_INTERLACE_NONE) {
    const std::size_t channels = color_type == PNG_COLOR_TYPE_GRAY ? 1 : color_type == PNG_COLOR_TYPE_RGB ? 3 : 4;
    const int width = static_cast<int>(samples.size() / channels);
    std::vector<std::uint8_t> row;
    for (const std::uint16_t value : samples) {
        row.push_back(static_cast<std::uint8_t>(value >> 8U));
        row.push_back(static_cast<std::uint8_t>(value & 0xffU));
    }
    return sample::png(row, row.size(), [&](png_structp codec, png_infop info) {
        sample::png_of(width, 1, 16, color_type, interlace)(codec, info);
        if (significant == 0) return;
        const auto bits = static_cast<png_byte>(significant);
        const png_color_8 chunk{bits, bits, bits, bits, bits};
        png_set_sBIT(codec, info, &chunk);
    });
}

/// A grey TIFF of one row, little-endian.
Bytes tiff(const Samples& samples, std::optional<std::uint16_t> greatest = {}) {
    Bytes strip;
    for (const std::uint16_t value : samples) sample::append_number(strip, value, 2);
    const Image size{.width = static_cast<int>(samples.size()), .height = 1, .rgb = {}};
    return sample::tiff(size, {.bits = 16, .is_grey = true, .strip = strip, .greatest_sample = greatest});
}

/// Of each pixel the red value.
std::vector<int> reds(const Photo& photo) {
    std::vector<int> values;
    for (std::size_t i = 0; i < photo.image.rgb.size(); i += 3) values.push_back(photo.image.rgb[i]);
    return values;
}

Photo read(const Bytes& bytes, int sample_bits = 0) { return decode(bytes, "scan", {.sample_bits = sample_bits}); }

TEST(SampleDepth, TwelveBitsInSixteenAreToldOf) {
    // 4021 * 255 / 65535 = 15.6: 6.1 % of white. libtiff takes grey's upper byte.
    for (const Bytes& file : {png({0, 2047, 4021}), tiff({0, 2047, 4021})}) {
        const Photo photo = read(file);
        EXPECT_LE(reds(photo)[2], 16);
        EXPECT_EQ(
            photo.warning,
            "'scan' has samples of 16 bits, but none above 4021: they are seen as 6.1 % of white at most; if they "
            "are meant to have 12 bits, give --bits 12");
    }
    EXPECT_THAT(read(png({0, 1023})).warning, HasSubstr("--bits 10"));
    EXPECT_THAT(read(png({0, 1024})).warning, HasSubstr("--bits 12"));
    EXPECT_THAT(read(png({0, 16383})).warning, HasSubstr("--bits 14"));
    // A dark photo, and a black one, of which nothing can be said.
    EXPECT_EQ(read(png({0, 16384})).warning, "");
    EXPECT_EQ(read(png({0, 0})).warning, "");
    EXPECT_EQ(read(tiff({0, 0})).warning, "");
}

TEST(SampleDepth, TheBitsGivenSayWhatWhiteIs) {
    // 2047 * 255 / 4095 = 127.5, 1024 * 255 / 4095 = 63.8.
    for (const Bytes& file : {png({0, 1024, 4095}), tiff({0, 1024, 4095})}) {
        const Photo photo = read(file, 12);
        EXPECT_THAT(reds(photo), ElementsAre(0, 64, 255));
        EXPECT_EQ(photo.warning, "");
    }
    const Photo color = read(png({4095, 1024, 0, 0, 4095, 1024}, PNG_COLOR_TYPE_RGB), 12);
    EXPECT_THAT(color.image.rgb, ElementsAre(255, 64, 0, 0, 255, 64));
    for (const Bytes& file : {png({0, 4096, 60000}), tiff({0, 4096, 60000})}) {
        const Photo beyond = read(file, 12);
        EXPECT_THAT(reds(beyond), ElementsAre(0, 255, 255));
        EXPECT_THAT(beyond.warning, HasSubstr("values up to 60000, more than the 12 bits"));
    }
    EXPECT_EQ(test::error_of([] { read(png({1}), 7); }), "usage: samples of 7 bits are not possible: 8 to 16 are");
}

TEST(SampleDepth, SixteenBitsStayAsTheyWere) {
    // v / 257 rounded: 0x1234 is 18.1, 0x80ff is 128.498, and libpng's own scaling gives the same.
    const Samples samples{0, 128, 129, 0x1234, 0x80ff, 0xfffe, 0xffff};
    EXPECT_THAT(reds(read(png(samples))), ElementsAre(0, 0, 1, 18, 128, 255, 255));
    EXPECT_THAT(reds(read(png(samples), 16)), ElementsAre(0, 0, 1, 18, 128, 255, 255));
}

TEST(SampleDepth, OpacityIsAShareOfSixteenBits) {
    // 1024 of 4095 is 64; half seen on white: (64 * 128 + 255 * 127) / 255 = 159.1.
    for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
        const Photo photo = read(png({1024, 0, 4095, 0x8080, 9, 9, 9, 0}, PNG_COLOR_TYPE_RGB_ALPHA, 0, interlace), 12);
        EXPECT_THAT(photo.image.rgb, ElementsAre(159, 127, 255, 255, 255, 255)) << interlace;
        EXPECT_EQ(photo.warning, "");
    }
}

TEST(SampleDepth, SignificantBitsOfAPngAreHonoured) {
    const Photo low = read(png({0, 1024, 4095}, PNG_COLOR_TYPE_GRAY, 12));
    EXPECT_THAT(reds(low), ElementsAre(0, 64, 255));
    EXPECT_EQ(low.warning, "");
    EXPECT_THAT(read(png({1023, 512, 1}, PNG_COLOR_TYPE_RGB, 10)).image.rgb, ElementsAre(255, 128, 0));
    // Scaled up, as PNG wants it: nothing is to be done, even where the photo is dark.
    EXPECT_THAT(reds(read(png({0, 0x4000, 0xfff0}, PNG_COLOR_TYPE_GRAY, 12))), ElementsAre(0, 64, 255));
    const Photo dark = read(png({0, 16, 16 * 200}, PNG_COLOR_TYPE_GRAY, 12));
    EXPECT_THAT(reds(dark), ElementsAre(0, 0, 12));
    EXPECT_EQ(dark.warning, "");
    // What a person says counts more.
    EXPECT_THAT(reds(read(png({0, 1024, 4095}, PNG_COLOR_TYPE_GRAY, 12), 16)), ElementsAre(0, 4, 16));
}

TEST(SampleDepth, TheGreatestSampleThatATiffStatesIsHonoured) {
    for (const std::uint16_t stated : {4095, 3100}) {  // what a sample may be, or what the largest is
        const Photo photo = read(tiff({0, 1024, 3100}, stated));
        EXPECT_THAT(reds(photo), ElementsAre(0, 64, 193)) << stated;  // 3100 * 255 / 4095 = 193.04
        EXPECT_EQ(photo.warning, "");
    }
    // One that the samples belie says nothing.
    EXPECT_THAT(reds(read(tiff({0, 0x8000, 0xffff}, 4095))), ElementsAre(0, 128, 255));
    EXPECT_THAT(read(tiff({0, 4000}, 1023)).warning, HasSubstr("--bits 12"));
    // Nor does one of all 16 bits, of a photo that happens to be dark.
    EXPECT_EQ(read(tiff({0, 4000}, 65535)).warning, "");
}

}  // namespace
}  // namespace locus::image
