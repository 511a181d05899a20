#include "image/decode.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/sample_files.hpp"
#include "locus/error.hpp"
#include "locus/explainer.hpp"

namespace locus::image {
namespace {

using sample::Bytes;
using sample::picture;

Image decoded(const Bytes& bytes) { return decode(bytes, "sample").image; }

/// The largest difference of any channel; 256 where sizes differ.
int distance(const Image& a, const Image& b) {
    if (a.width != b.width || a.height != b.height || a.rgb.size() != b.rgb.size()) return 256;
    int most = 0;
    for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(int{a.rgb[i]} - int{b.rgb[i]}));
    return most;
}

Image constant(int width, int height, std::array<int, 3> color) {
    Image image = picture(width, height);
    for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = static_cast<std::uint8_t>(color[i % 3]);
    return image;
}

// Quality 95 without subsampling changes a smooth picture by a few steps.
constexpr int jpeg_tolerance = 6;

TEST(Decode, JpegGivesThePictureBack) {
    const Image image = picture(67, 41);
    EXPECT_LE(distance(decoded(sample::jpeg(image)), image), jpeg_tolerance);
    EXPECT_LE(distance(decoded(sample::jpeg(image, {.progressive = true})), image), jpeg_tolerance);
}

TEST(Decode, GreyJpegBecomesThreeEqualChannels) {
    std::vector<std::uint8_t> grey(40 * 20);
    for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = static_cast<std::uint8_t>(5 * (i % 40));
    const Image image = decoded(sample::jpeg(40, 20, grey, {.channels = 1}));
    ASSERT_EQ(image.width, 40);
    for (std::size_t i = 0; i < grey.size(); ++i) {
        EXPECT_NEAR(image.rgb[3 * i], grey[i], jpeg_tolerance);
        EXPECT_EQ(image.rgb[3 * i], image.rgb[3 * i + 1]);
        EXPECT_EQ(image.rgb[3 * i], image.rgb[3 * i + 2]);
    }
}

TEST(Decode, CmykJpegLosesLightToEachInk) {
    // Adobe's files hold light: cyan 51 of 255 with black 204 of 255 lets 51 * 204 / 255 = 40.8 of red through.
    std::vector<std::uint8_t> light;
    for (int i = 0; i < 16 * 16; ++i) light.insert(light.end(), {51, 102, 255, 204});
    for (const bool ycck : {false, true}) {
        const Image image = decoded(sample::jpeg(16, 16, light, {.channels = 4, .as_ycck = ycck}));
        EXPECT_LE(distance(image, constant(16, 16, {41, 82, 204})), 2) << "YCCK: " << ycck;
    }
    // Without Adobe's marker the values are inks: 255 - 51 = 204 of cyan's light, 255 - 204 = 51 of black's, 204 * 51 /
    // 255 = 40.8.
    const Image inks = decoded(sample::jpeg(16, 16, light, {.channels = 4, .adobe = false}));
    EXPECT_LE(distance(inks, constant(16, 16, {41, 31, 0})), 2);
}

/// Where EXIF says that row 0 and column 0 of the stored pixels are seen (CIPA DC-008, tag 0x0112).
struct Sides {
    char row, column;
};
constexpr std::array<Sides, 9> sides{
    {{}, {'t', 'l'}, {'t', 'r'}, {'b', 'r'}, {'b', 'l'}, {'l', 't'}, {'r', 't'}, {'r', 'b'}, {'l', 'b'}}};

/// The upright picture's pixel at the corner where the two sides meet.
const std::uint8_t* corner(const Image& image, char a, char b) {
    const bool right = a == 'r' || b == 'r';
    const bool bottom = a == 'b' || b == 'b';
    return image.pixel(right ? image.width - 1 : 0, bottom ? image.height - 1 : 0);
}

char opposite(char side) { return side == 't' ? 'b' : side == 'b' ? 't' : side == 'l' ? 'r' : 'l'; }

void expect_upright(const Photo& photo, const Image& stored, int orientation, int tolerance) {
    const Image& image = photo.image;
    const bool lies = orientation >= 5;
    ASSERT_EQ(image.width, lies ? stored.height : stored.width) << orientation;
    ASSERT_EQ(image.height, lies ? stored.width : stored.height) << orientation;
    EXPECT_EQ(photo.width, image.width);
    EXPECT_EQ(photo.height, image.height);
    const Sides s = sides[static_cast<std::size_t>(orientation)];
    const int w = stored.width - 1;
    const int h = stored.height - 1;
    for (int c = 0; c < 3; ++c) {
        EXPECT_NEAR(corner(image, s.row, s.column)[c], stored.pixel(0, 0)[c], tolerance) << orientation;
        EXPECT_NEAR(corner(image, s.row, opposite(s.column))[c], stored.pixel(w, 0)[c], tolerance) << orientation;
        EXPECT_NEAR(corner(image, opposite(s.row), s.column)[c], stored.pixel(0, h)[c], tolerance) << orientation;
        EXPECT_NEAR(corner(image, opposite(s.row), opposite(s.column))[c], stored.pixel(w, h)[c], tolerance)
            << orientation;
    }
}

TEST(Decode, TurnsEveryOrientationUpright) {
    const Image stored = picture(70, 45);
    const Bytes lossless = sample::by_opencv(sample::bgr(stored), ".webp", {cv::IMWRITE_WEBP_QUALITY, 101});
    for (int orientation = 1; orientation <= 8; ++orientation) {
        expect_upright(decode(sample::jpeg(stored, {.orientation = orientation}), "jpeg"), stored, orientation,
                       jpeg_tolerance);
        expect_upright(decode(sample::tiff(stored, {.orientation = orientation}), "tiff"), stored, orientation, 0);
        expect_upright(decode(sample::tiff(stored, {.bits = 16, .orientation = orientation}), "tiff"), stored,
                       orientation, 0);
        Bytes block = sample::exif(orientation);
        const Bytes png = sample::png(stored.rgb, 70 * 3, [&](png_structp codec, png_infop info) {
            sample::png_of(70, 45, 8, PNG_COLOR_TYPE_RGB)(codec, info);
            png_set_eXIf_1(codec, info, static_cast<unsigned>(block.size()), reinterpret_cast<png_bytep>(block.data()));
        });
        expect_upright(decode(png, "png"), stored, orientation, 0);
        const Bytes webp =
            sample::extended_webp(70, 45, 0x08, {sample::webp_bitstream(lossless), sample::riff_chunk("EXIF", block)});
        expect_upright(decode(webp, "webp"), stored, orientation, 0);
    }
}

TEST(Decode, OrientationKeepsEveryPixel) {
    // 90 degrees clockwise: upright (x, y) is the stored (y, height - 1 - x).
    const Image stored = picture(37, 70);
    const Image image = decoded(sample::tiff(stored, {.orientation = 6}));
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            ASSERT_EQ(image.pixel(x, y)[0], stored.pixel(y, stored.height - 1 - x)[0]);
            ASSERT_EQ(image.pixel(x, y)[1], stored.pixel(y, stored.height - 1 - x)[1]);
        }
    }
}

TEST(Decode, PngOfEveryColourTypeAndDepth) {
    const Image image = picture(33, 21);
    EXPECT_EQ(distance(decoded(sample::png(image.rgb, 33 * 3, sample::png_of(33, 21, 8, PNG_COLOR_TYPE_RGB))), image),
              0);
    EXPECT_EQ(distance(decoded(sample::png(image.rgb, 33 * 3,
                                           sample::png_of(33, 21, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7))),
                       image),
              0);

    // 16 bits: v / 257 rounded; 0x1234 / 257 = 18.13, 0x80ff / 257 = 128.5 - 0.002, 0xffff / 257 = 255.
    const std::vector<std::uint8_t> deep{0x12, 0x34, 0x80, 0xff, 0xff, 0xff};
    const Image from_deep = decoded(sample::png(deep, 6, sample::png_of(1, 1, 16, PNG_COLOR_TYPE_RGB)));
    EXPECT_THAT(from_deep.rgb, testing::ElementsAre(18, 128, 255));

    // One bit: 0b10100000 is white, black, white.
    const Image bits = decoded(sample::png({0xa0}, 1, sample::png_of(3, 1, 1, PNG_COLOR_TYPE_GRAY)));
    EXPECT_THAT(bits.rgb, testing::ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
}

TEST(Decode, TransparencyIsSeenOnWhite) {
    // Half of 100 on white: (100 * 128 + 255 * 127) / 255 = 177.2.
    const Image rgba = decoded(sample::png({100, 0, 255, 128, 7, 7, 7, 0, 7, 8, 9, 255}, 12,
                                           sample::png_of(3, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA)));
    EXPECT_THAT(rgba.rgb, testing::ElementsAre(177, 127, 255, 255, 255, 255, 7, 8, 9));
    const Image grey = decoded(sample::png({100, 128, 50, 255}, 4, sample::png_of(2, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA)));
    EXPECT_THAT(grey.rgb, testing::ElementsAre(177, 177, 177, 50, 50, 50));
    const Image interlaced = decoded(sample::png(
        {100, 0, 255, 128, 7, 7, 7, 0}, 8, sample::png_of(2, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, PNG_INTERLACE_ADAM7)));
    EXPECT_THAT(interlaced.rgb, testing::ElementsAre(177, 127, 255, 255, 255, 255));

    const Image palette = decoded(sample::png({0, 1}, 2, [](png_structp codec, png_infop info) {
        sample::png_of(2, 1, 8, PNG_COLOR_TYPE_PALETTE)(codec, info);
        const png_color colors[2] = {{1, 2, 3}, {100, 0, 255}};
        png_set_PLTE(codec, info, colors, 2);
        const png_byte alpha[2] = {255, 128};
        png_set_tRNS(codec, info, alpha, 2, nullptr);
    }));
    EXPECT_THAT(palette.rgb, testing::ElementsAre(1, 2, 3, 177, 127, 255));

    const cv::Mat bgra(4, 4, CV_8UC4, cv::Scalar(255, 0, 100, 128));
    const Image webp = decoded(sample::by_opencv(bgra, ".webp", {cv::IMWRITE_WEBP_QUALITY, 101}));
    EXPECT_EQ(distance(webp, constant(4, 4, {177, 127, 255})), 0);

    for (const int bits : {8, 16}) {
        const auto seen = [&](std::array<int, 3> color, unsigned extra_sample) {
            return decoded(
                sample::tiff(constant(4, 4, color), {.bits = bits, .extra_sample = extra_sample, .alpha = 128}));
        };
        EXPECT_EQ(distance(seen({100, 0, 255}, 2), constant(4, 4, {177, 127, 255})), 0) << bits;
        // Associated: 100 * 128 / 255 = 50 and 255 * 128 / 255 = 128 are stored. More than the alpha cannot be: it is
        // white.
        EXPECT_EQ(distance(seen({50, 0, 128}, 1), constant(4, 4, {177, 127, 255})), 0) << bits;
        EXPECT_EQ(distance(seen({200, 0, 128}, 1), constant(4, 4, {255, 127, 255})), 0) << bits;
        // A sample of no known meaning is no opacity.
        EXPECT_EQ(distance(seen({200, 0, 128}, 0), constant(4, 4, {200, 0, 128})), 0) << bits;
    }
}

TEST(Decode, GreyTiffsOpacityIsThatOfItsKind) {
    const auto seen = [&](std::uint8_t grey, unsigned extra_sample) {
        return decoded(
            sample::tiff(constant(4, 4, {grey, 0, 0}), {.is_grey = true, .extra_sample = extra_sample, .alpha = 128}));
    };
    EXPECT_EQ(distance(seen(100, 2), constant(4, 4, {177, 177, 177})), 0);  // 100 * 128 / 255 = 50, and 127 of white
    EXPECT_EQ(distance(seen(50, 1), constant(4, 4, {177, 177, 177})), 0);
    EXPECT_EQ(distance(seen(50, 0), constant(4, 4, {50, 50, 50})), 0);
    const auto deep = sample::tiff(constant(4, 4, {9, 0, 0}), {.bits = 16, .is_grey = true, .extra_sample = 2});
    try {
        decoded(deep);
        FAIL() << "libtiff leaves its opacity out";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("an opacity beside grey that has not 8 bits"));
    }
}

TEST(Decode, GifShowsItsFirstFrameOnWhite) {
    std::vector<std::uint8_t> indices(9 * 13);
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::uint8_t>(i / 9 % 4);
    for (const bool interlaced : {false, true}) {
        const Image image = decoded(sample::gif(9, 13, indices, {.transparent = 2, .interlaced = interlaced}));
        ASSERT_EQ(image.width, 9);
        ASSERT_EQ(image.height, 13);
        EXPECT_THAT(std::vector<int>(image.pixel(0, 0), image.pixel(0, 0) + 3), testing::ElementsAre(0, 0, 0));
        EXPECT_THAT(std::vector<int>(image.pixel(3, 5), image.pixel(3, 5) + 3), testing::ElementsAre(255, 0, 0));
        EXPECT_THAT(std::vector<int>(image.pixel(8, 10), image.pixel(8, 10) + 3), testing::ElementsAre(255, 255, 255));
        EXPECT_THAT(std::vector<int>(image.pixel(8, 11), image.pixel(8, 11) + 3), testing::ElementsAre(0, 0, 255));
    }
    // A frame smaller than the screen leaves white round it; one that sticks out is cut.
    const Image small = decoded(sample::gif(9, 13, std::vector<std::uint8_t>(9 * 13, 1),
                                            {.screen_width = 12, .screen_height = 10, .left = 5, .top = 2}));
    ASSERT_EQ(small.width, 12);
    EXPECT_EQ(small.pixel(4, 2)[1], 255);
    EXPECT_EQ(small.pixel(5, 2)[1], 0);
    EXPECT_EQ(small.pixel(11, 9)[1], 0);
    EXPECT_EQ(small.pixel(11, 1)[1], 255);
}

TEST(Decode, WebpTiffAndBmpGiveThePictureBack) {
    const Image image = picture(50, 31);
    const cv::Mat pixels = sample::bgr(image);
    EXPECT_EQ(distance(decoded(sample::by_opencv(pixels, ".webp", {cv::IMWRITE_WEBP_QUALITY, 101})), image), 0);
    // Lossy WebP halves the resolution of colour.
    EXPECT_LE(distance(decoded(sample::by_opencv(pixels, ".webp", {cv::IMWRITE_WEBP_QUALITY, 95})), image), 12);
    EXPECT_EQ(distance(decoded(sample::by_opencv(pixels, ".bmp")), image), 0);
    EXPECT_EQ(distance(decoded(sample::by_opencv(pixels, ".tiff")), image), 0);
    for (const bool big_endian : {false, true}) {
        for (const bool big_tiff : {false, true}) {
            for (const int bits : {8, 16}) {
                const Bytes file = sample::tiff(image, {.big_endian = big_endian, .big_tiff = big_tiff, .bits = bits});
                EXPECT_EQ(distance(decoded(file), image), 0) << big_endian << big_tiff << bits;
            }
        }
    }
    cv::Mat deep;
    pixels.convertTo(deep, CV_16U, 257);
    EXPECT_EQ(distance(decoded(sample::by_opencv(deep, ".tiff")), image), 0);
    cv::Mat grey(3, 5, CV_8U, cv::Scalar(77));
    EXPECT_EQ(distance(decoded(sample::by_opencv(grey, ".tiff")), constant(5, 3, {77, 77, 77})), 0);
}

TEST(Decode, AnimatedWebpShowsItsFirstFrame) {
    const Image frame = picture(20, 10);
    const auto animation_frame = [&](int x, int y, const Image& image) {
        Bytes data;
        sample::append_number(data, static_cast<unsigned>(x / 2), 3);
        sample::append_number(data, static_cast<unsigned>(y / 2), 3);
        sample::append_number(data, static_cast<unsigned>(image.width - 1), 3);
        sample::append_number(data, static_cast<unsigned>(image.height - 1), 3);
        sample::append_number(data, 100, 3);
        sample::append_number(data, 0, 1);
        const Bytes pixels =
            sample::webp_bitstream(sample::by_opencv(sample::bgr(image), ".webp", {cv::IMWRITE_WEBP_QUALITY, 101}));
        sample::append(data, pixels);
        return sample::riff_chunk("ANMF", data);
    };
    const Bytes file = sample::extended_webp(30, 16, 0x02,
                                             {sample::riff_chunk("ANIM", Bytes(6)), animation_frame(4, 2, frame),
                                              animation_frame(0, 0, constant(8, 8, {1, 2, 3}))});
    const Image image = decoded(file);
    ASSERT_EQ(image.width, 30);
    ASSERT_EQ(image.height, 16);
    EXPECT_EQ(image.pixel(3, 2)[0], 255);
    EXPECT_EQ(image.pixel(4, 2)[0], frame.pixel(0, 0)[0]);
    EXPECT_EQ(image.pixel(23, 11)[2], frame.pixel(19, 9)[2]);
    EXPECT_EQ(image.pixel(24, 11)[0], 255);
}

TEST(Decode, ReducedJpegIsTheSmallestThatSuffices) {
    const Image image = picture(801, 600);
    const Bytes file = sample::jpeg(image, {.orientation = 6});
    struct Case {
        int least, width, height;
    };
    // Stored 801 x 600, seen 600 x 801; libjpeg rounds up.
    for (const Case c : {Case{0, 600, 801}, Case{601, 600, 801}, Case{301, 600, 801}, Case{300, 300, 401},
                         Case{150, 150, 201}, Case{76, 150, 201}, Case{75, 75, 101}, Case{1, 75, 101}}) {
        const Photo photo = decode(file, "photo", {.reduce_to = c.least});
        EXPECT_EQ(photo.image.width, c.width) << c.least;
        EXPECT_EQ(photo.image.height, c.height) << c.least;
        EXPECT_EQ(photo.width, 600);
        EXPECT_EQ(photo.height, 801);
    }
}

TEST(Decode, ReadsFilesWhateverTheirName) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / "locus_decode_test";
    std::filesystem::create_directories(folder);
    const Image image = picture(20, 30);
    const Bytes png = sample::png(image.rgb, 60, sample::png_of(20, 30, 8, PNG_COLOR_TYPE_RGB));
    // Latin-1, a wrong extension, none at all.
    for (const char* name : {"caf\xe9.png", "picture.jpg", "picture"}) {
        const std::filesystem::path file = folder / name;
        std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(png.data()), static_cast<std::streamsize>(png.size()));
        EXPECT_EQ(distance(read_image(file), image), 0);
    }
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace locus::image
