#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "image/decode.hpp"
#include "image/sample_files.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

using sample::Bytes;
using sample::picture;
using testing::HasSubstr;

/// The error that decoding throws, or none.
std::optional<Error> error_of(const Bytes& bytes, const DecodeOptions& options = {}) {
    try {
        decode(bytes, "sample", options);
    } catch (const Error& error) {
        return error;
    }
    return std::nullopt;
}

Bytes text(std::string_view words) {
    Bytes bytes;
    sample::append(bytes, words);
    return bytes;
}

struct Sample {
    std::string name;
    Bytes bytes;
};

/// A file of each format and of each way through its decoder.
std::vector<Sample> samples() {
    Image image = picture(61, 47);
    for (std::size_t i = 0; i < image.rgb.size(); i += 7)
        image.rgb[i] = static_cast<std::uint8_t>(i * 37);  // not to be squeezed away
    const cv::Mat pixels = sample::bgr(image);
    std::vector<std::uint8_t> indices(61 * 47);
    for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = image.rgb[3 * i] % 4;
    cv::Mat deep;
    pixels.convertTo(deep, CV_16U, 257);
    return {
        {"jpeg", sample::jpeg(image, {.orientation = 6})},
        {"progressive jpeg", sample::jpeg(image, {.progressive = true})},
        {"arithmetic jpeg", sample::jpeg(image, {.arithmetic = true})},
        {"png", sample::png(image.rgb, 61 * 3, sample::png_of(61, 47, 8, PNG_COLOR_TYPE_RGB))},
        {"interlaced png",
         sample::png(image.rgb, 61 * 3, sample::png_of(61, 47, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7))},
        {"gif", sample::gif(61, 47, indices, {.transparent = 1})},
        {"lossy webp", sample::by_opencv(pixels, ".webp", {cv::IMWRITE_WEBP_QUALITY, 80})},
        {"lossless webp", sample::by_opencv(pixels, ".webp", {cv::IMWRITE_WEBP_QUALITY, 101})},
        {"tiff", sample::tiff(image)},
        {"big tiff", sample::tiff(image, {.big_endian = true, .big_tiff = true})},
        {"lzw tiff", sample::by_opencv(pixels, ".tiff")},
        {"16-bit tiff", sample::by_opencv(deep, ".tiff")},
        {"bmp", sample::by_opencv(pixels, ".bmp")},
    };
}

TEST(DamagedFiles, TruncatedAnywhereGiveAnErrorOrTheWholePicture) {
    testing::internal::CaptureStderr();
    for (const Sample& sample : samples()) {
        const Image whole = decode(sample.bytes, sample.name).image;
        int errors = 0;
        // Every length at the beginning, where headers are, and the end; every 13th between.
        for (std::size_t size = 0; size < sample.bytes.size();
             size += size < 200 || size + 40 > sample.bytes.size() ? 1 : 13) {
            const Bytes cut(sample.bytes.begin(), sample.bytes.begin() + static_cast<std::ptrdiff_t>(size));
            try {
                const Photo photo = decode(cut, sample.name);
                EXPECT_EQ(photo.image.rgb, whole.rgb)
                    << sample.name << " cut to " << size << " of " << sample.bytes.size();
            } catch (const Error& error) {
                ++errors;
                EXPECT_THAT(error.what(), HasSubstr(sample.name)) << size;
            }
        }
        EXPECT_GT(errors, 200) << sample.name;
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr().substr(0, 300), "") << "the library prints nothing";
}

TEST(DamagedFiles, TruncationIsCalledByItsName) {
    for (const Sample& sample : samples()) {
        const Bytes half(sample.bytes.begin(),
                         sample.bytes.begin() + static_cast<std::ptrdiff_t>(sample.bytes.size() / 2));
        const std::optional<Error> error = error_of(half);
        ASSERT_TRUE(error) << sample.name;
        EXPECT_EQ(error->kind(), ErrorKind::image);
        EXPECT_THAT(error->what(), HasSubstr("truncated")) << sample.name;
    }
}

TEST(DamagedFiles, WrongBytesGiveAnErrorOrAPictureOfSaneSize) {
    std::mt19937 random(7);
    testing::internal::CaptureStderr();
    for (const Sample& sample : samples()) {
        for (int trial = 0; trial < 300; ++trial) {
            Bytes bytes = sample.bytes;
            // Half of the trials hit the header.
            const std::size_t span = trial % 2 == 0 ? std::min<std::size_t>(bytes.size(), 120) : bytes.size();
            for (int hit = 0; hit <= trial % 4; ++hit) bytes[random() % span] = static_cast<std::byte>(random() % 256);
            try {
                const Photo photo = decode(bytes, sample.name, {.max_pixels = 1'000'000});
                EXPECT_LE(static_cast<std::int64_t>(photo.image.width) * photo.image.height, 1'000'000);
                EXPECT_EQ(photo.image.rgb.size(), static_cast<std::size_t>(photo.image.width) * photo.image.height * 3);
            } catch (const Error& error) {
                EXPECT_THAT(error.what(), HasSubstr(sample.name));
            }
        }
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr().substr(0, 300), "") << "the library prints nothing";
}

TEST(DamagedFiles, AJpegWithoutItsEndMarkerIsWhole) {
    const Image image = picture(40, 40);
    Bytes bytes = sample::jpeg(image);
    const Image whole = decode(bytes, "sample").image;
    bytes.resize(bytes.size() - 2);
    EXPECT_EQ(decode(bytes, "sample").image.rgb, whole.rgb);
}

TEST(DamagedFiles, HugeHeadersAreRefusedBeforeAnythingIsDecoded) {
    const Image image = picture(16, 16);
    const auto set = [](Bytes bytes, std::size_t at, std::uint64_t value, int count, bool big_endian) {
        Bytes number;
        sample::append_number(number, value, count, big_endian);
        std::copy(number.begin(), number.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
        return bytes;
    };
    const Bytes png = sample::png(image.rgb, 48, sample::png_of(16, 16, 8, PNG_COLOR_TYPE_RGB));
    const Bytes jpeg = sample::jpeg(image);
    const Bytes bmp = sample::by_opencv(sample::bgr(image), ".bmp");
    const Bytes webp = sample::extended_webp(60000, 60000, 0,
                                             {sample::webp_bitstream(sample::by_opencv(sample::bgr(image), ".webp"))});
    Image wide = image;
    wide.width = 60000;
    wide.height = 60000;
    wide.rgb.clear();
    // JPEG: SOF0, ff c0, then length, precision, height, width.
    std::size_t frame = 0;
    while (jpeg[frame] != std::byte{0xff} || jpeg[frame + 1] != std::byte{0xc0}) ++frame;
    const std::vector<Sample> bombs{
        {"png", set(set(png, 16, 60000, 4, true), 20, 60000, 4, true)},
        {"jpeg", set(set(jpeg, frame + 5, 60000, 2, true), frame + 7, 60000, 2, true)},
        {"gif", sample::gif(2, 2, {0, 1, 2, 3}, {.screen_width = 60000, .screen_height = 60000})},
        {"bmp", set(set(set(bmp, 18, 60000, 4, false), 22, 60000, 4, false), 30, 1, 4, false)},
        {"webp", webp},
        {"tiff", sample::tiff(wide)},
    };
    for (const Sample& bomb : bombs) {
        const std::optional<Error> error = error_of(bomb.bytes);
        ASSERT_TRUE(error) << bomb.name;
        EXPECT_EQ(error->kind(), ErrorKind::resource) << bomb.name << ": " << error->what();
        EXPECT_THAT(error->what(), HasSubstr("60000 x 60000")) << bomb.name;
    }
    // The limits are the caller's.
    EXPECT_FALSE(error_of(png, {.max_pixels = 256}));
    EXPECT_EQ(error_of(png, {.max_pixels = 255}).value().kind(), ErrorKind::resource);
    EXPECT_EQ(error_of(png, {.max_side = 15}).value().kind(), ErrorKind::resource);
}

TEST(DamagedFiles, SmallFilesCannotClaimLargePictures) {
    // 14000 x 14000 is within the limits, but neither deflate nor Huffman codes shrink that to a few hundred bytes.
    const Image image = picture(16, 16);
    Bytes jpeg = sample::jpeg(image);
    std::size_t frame = 0;
    while (jpeg[frame] != std::byte{0xff} || jpeg[frame + 1] != std::byte{0xc0}) ++frame;
    for (const std::size_t at : {frame + 5, frame + 7}) {
        jpeg[at] = std::byte{14000 / 256};
        jpeg[at + 1] = std::byte{14000 % 256};
    }
    const Error error = error_of(jpeg).value();
    EXPECT_EQ(error.kind(), ErrorKind::image);
    EXPECT_THAT(error.what(), HasSubstr("truncated"));
}

TEST(DamagedFiles, AProgressiveJpegOfEndlessScansIsRefused) {
    // One scan for every coefficient of every component: 1 + 3 * 63 = 190.
    const Error error =
        error_of(sample::jpeg(picture(16, 16), {.progressive = true, .scan_per_coefficient = true})).value();
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), HasSubstr("scans"));
}

TEST(DamagedFiles, WhatIsNoImageIsSaidToBeWhatItLooksLike) {
    EXPECT_THAT(error_of({}).value().what(), HasSubstr("empty (0 bytes)"));
    EXPECT_THAT(error_of(text("Dear diary, no picture today either.\n")).value().what(), HasSubstr("it is text"));
    EXPECT_THAT(error_of(text("BM is how this text begins, and nothing more of a bitmap.")).value().what(),
                HasSubstr("it is text"));
    EXPECT_THAT(error_of(text("%PDF-1.7\n%\x01\x02")).value().what(), HasSubstr("PDF"));
    EXPECT_THAT(error_of(text(std::string_view("\0\0\0\x1c"
                                               "ftypavif",
                                               12)))
                    .value()
                    .what(),
                HasSubstr("AVIF"));
    EXPECT_THAT(error_of(text(std::string_view("\0\1\2\3\4\5\6\7\0\1\2\3\4\5\6\7\0\1\2\3", 20))).value().what(),
                HasSubstr("something else"));
    EXPECT_THAT(error_of(text("P6\n2 1\n255\nabcdef")).value().what(), HasSubstr("it is a PNM picture"));
    EXPECT_THAT(error_of(text("P6 was my seat.")).value().what(), HasSubstr("it is text"));
    for (const char* beginning : {"\xff\xd8", "\x89PN", "GIF8", "RIFF", "BM"}) {
        EXPECT_THAT(error_of(text(beginning)).value().what(), HasSubstr("truncated"));
    }
    EXPECT_THAT(error_of(text("B")).value().what(), HasSubstr("truncated: 1 byte is too few"));
    EXPECT_THAT(error_of(text("\x89PNG\r\n\x1a\nabcd")).value().what(), HasSubstr("truncated: its 12 bytes"));
}

/// The bytes as each scheme of a TIFF stores them: 8 Deflate, 32773 PackBits (in runs of literal bytes).
Bytes compressed(std::span<const std::uint8_t> pixels, unsigned scheme) {
    Bytes bytes;
    if (scheme == 8) {
        uLongf size = compressBound(pixels.size());
        bytes.resize(size);
        compress(reinterpret_cast<Bytef*>(bytes.data()), &size, pixels.data(), pixels.size());
        bytes.resize(size);
        return bytes;
    }
    for (std::size_t at = 0; at < pixels.size(); at += 128) {
        const auto run = std::as_bytes(pixels.subspan(at, std::min<std::size_t>(128, pixels.size() - at)));
        bytes.push_back(static_cast<std::byte>(run.size() - 1));
        bytes.insert(bytes.end(), run.begin(), run.end());
    }
    return bytes;
}

TEST(DamagedFiles, TiffsWhoseStripEndsTooEarlyAreNoPictures) {
    const Image image = picture(16, 16);
    const std::span<const std::uint8_t> pixels(image.rgb);
    for (const unsigned scheme : {8U, 32773U}) {
        const Bytes whole = compressed(pixels, scheme);
        EXPECT_EQ(decode(sample::tiff(image, {.compression = scheme, .strip = whole}), "whole").image.rgb, image.rgb);
        // Valid data of half of the rows; the first half of the data.
        const Bytes half(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2));
        for (const Bytes& strip : {compressed(pixels.first(pixels.size() / 2), scheme), half}) {
            const std::optional<Error> error = error_of(sample::tiff(image, {.compression = scheme, .strip = strip}));
            ASSERT_TRUE(error) << scheme;
            EXPECT_THAT(error->what(), HasSubstr("is a damaged TIFF file: libtiff says")) << scheme;
        }
    }
}

TEST(DamagedFiles, TiffsWhoseStripIsRubbishAreNoPictures) {
    testing::internal::CaptureStderr();
    const Bytes rubbish(16 * 16 * 3, std::byte{0xa7});
    for (const unsigned scheme : {5U, 7U, 8U, 32946U, 50000U}) {
        const std::optional<Error> error =
            error_of(sample::tiff(picture(16, 16), {.compression = scheme, .strip = rubbish}));
        ASSERT_TRUE(error) << scheme;
        EXPECT_THAT(error->what(), HasSubstr("TIFF")) << scheme;
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(DamagedFiles, TiffsOfNumbersThatAreNoColoursAreRefused) {
    const auto message = [](int bits, unsigned sample_format) {
        const std::optional<Error> error =
            error_of(sample::tiff(picture(16, 16), {.bits = bits, .sample_format = sample_format}));
        return error ? std::string(error->what()) : "no error";
    };
    EXPECT_THAT(message(16, 2),
                HasSubstr("a kind that is not read: its samples are signed numbers. Store it with unsigned ones"));
    EXPECT_THAT(message(16, 3), HasSubstr("floating-point"));
    EXPECT_EQ(message(16, 1), "no error");
}

/// A grey picture of one uncompressed 16 x 16 tile, or of one strip; `meaning` is PhotometricInterpretation, left out
/// where it is -1.
Bytes grey_tiff(bool tiled, int meaning) {
    std::vector<std::array<unsigned, 3>> entries{{256, 4, 16}, {257, 4, 16}, {258, 3, 8}, {259, 3, 1}};
    if (meaning >= 0) entries.push_back({262, 3, static_cast<unsigned>(meaning)});
    const std::size_t tags = entries.size() + (tiled ? 5 : 4);
    const auto data_at = static_cast<unsigned>(8 + 2 + 12 * tags + 4);
    if (!tiled) entries.push_back({273, 4, data_at});
    entries.push_back({277, 3, 1});
    if (!tiled) entries.insert(entries.end(), {{278, 4, 16}, {279, 4, 256}});
    if (tiled) entries.insert(entries.end(), {{322, 4, 16}, {323, 4, 16}, {324, 4, data_at}, {325, 4, 256}});
    Bytes bytes;
    sample::append(bytes, "II");
    sample::append_number(bytes, 42, 2);
    sample::append_number(bytes, 8, 4);
    sample::append_number(bytes, entries.size(), 2);
    for (const auto& [tag, type, value] : entries) {
        sample::append_number(bytes, tag, 2);
        sample::append_number(bytes, type, 2);
        sample::append_number(bytes, 1, 4);
        sample::append_number(bytes, value, 4);
    }
    sample::append_number(bytes, 0, 4);
    for (unsigned i = 0; i < 256; ++i) bytes.push_back(static_cast<std::byte>(i));
    return bytes;
}

TEST(DamagedFiles, SmallUncompressedTilesAreNoDamage) {
    for (const bool tiled : {true, false}) {
        const Image image = decode(grey_tiff(tiled, 1), "grey").image;
        for (int i = 0; i < 256; ++i) ASSERT_EQ(image.pixel(i % 16, i / 16)[0], i) << tiled;
    }
}

TEST(DamagedFiles, TiffsWhoseSamplesMeanNothingAreRefused) {
    const std::optional<Error> error = error_of(grey_tiff(false, -1));
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr("does not say what its samples mean"));
}

TEST(DamagedFiles, BmpsWithColoursInAnotherOrderAreRefused) {
    // 32 bits a pixel with masks: BITMAPFILEHEADER, BITMAPINFOHEADER, the masks, 2 x 2 pixels.
    const auto bmp = [](std::uint32_t red, std::uint32_t blue) {
        Bytes bytes;
        sample::append(bytes, "BM");
        for (const std::uint32_t value : {14U + 40 + 12 + 16, 0U, 14U + 40 + 12, 40U, 2U, 2U})
            sample::append_number(bytes, value, 4);
        sample::append_number(bytes, 1, 2);
        sample::append_number(bytes, 32, 2);
        for (const std::uint32_t value : {3U, 16U, 0U, 0U, 0U, 0U, red, 0xff00U, blue})
            sample::append_number(bytes, value, 4);
        for (int i = 0; i < 4; ++i) sample::append_number(bytes, 0x00102030, 4);
        return bytes;
    };
    EXPECT_THAT(decode(bmp(0xff0000, 0xff), "usual").image.rgb[0], 0x10);
    const std::optional<Error> error = error_of(bmp(0xff, 0xff0000));
    ASSERT_TRUE(error);
    EXPECT_THAT(error->what(), HasSubstr("another order than blue, green, red"));
}

TEST(DamagedFiles, TiffsOfSchemesWithoutADecoderAreRefused) {
    for (const unsigned scheme : {34712U, 9999U}) {  // JPEG 2000, and one that nobody has
        const std::optional<Error> error = error_of(sample::tiff(picture(16, 16), {.compression = scheme}));
        ASSERT_TRUE(error) << scheme;
        EXPECT_NE(std::string(error->what()).find("compressed by scheme"), std::string::npos) << error->what();
    }
}

TEST(DamagedFiles, FilesThatCannotBeReadAreNamed) {
    const std::filesystem::path folder = std::filesystem::temp_directory_path() / "locus_damaged_files_test";
    std::filesystem::create_directories(folder);
    const auto message = [](const std::filesystem::path& file, ErrorKind kind,
                            const DecodeOptions& options = {}) -> std::string {
        try {
            decode(file, options);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.what();
            return error.what();
        }
        return "no error";
    };
    EXPECT_THAT(message(folder, ErrorKind::io), HasSubstr("is a folder"));
    EXPECT_THAT(message(folder / "nowhere.jpg", ErrorKind::io), HasSubstr("No such file"));
    const std::filesystem::path latin = folder / "caf\xe9.jpg";
    std::ofstream(latin) << "not a picture";
    EXPECT_THAT(message(latin, ErrorKind::image), HasSubstr("caf\\xE9.jpg' is not an image"));
    EXPECT_THAT(message(latin, ErrorKind::resource, {.max_bytes = 12}), HasSubstr("limit of 12 bytes"));
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace locus::image
