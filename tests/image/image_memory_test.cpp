/// Pictures from buffers and from files in memory, and back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "locus/image.hpp"

namespace locus {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ImageFromPixels, TakesEveryOrderOfChannels) {
    // Two rows of one pixel, five bytes apart.
    const std::vector<std::uint8_t> bytes{10, 20, 30, 255, 0, 40, 50, 60, 0, 0};
    const auto rgb = [&](PixelFormat format) { return image_from_pixels(bytes.data(), 1, 2, 5, format).rgb; };
    EXPECT_THAT(rgb(PixelFormat::rgb), ElementsAre(10, 20, 30, 40, 50, 60));
    EXPECT_THAT(rgb(PixelFormat::bgr), ElementsAre(30, 20, 10, 60, 50, 40));
    EXPECT_THAT(rgb(PixelFormat::rgba), ElementsAre(10, 20, 30, 255, 255, 255));  // the second lets all through
    EXPECT_THAT(rgb(PixelFormat::bgra), ElementsAre(30, 20, 10, 255, 255, 255));
    EXPECT_THAT(rgb(PixelFormat::gray), ElementsAre(10, 10, 10, 40, 40, 40));
}

TEST(ImageFromPixels, RefusesWhatIsNoPicture) {
    const std::vector<std::uint8_t> bytes(12);
    const auto refusal = [&](const std::uint8_t* data, int width, int height, std::size_t stride) {
        return error_of([&] { image_from_pixels(data, width, height, stride, PixelFormat::rgb); });
    };
    EXPECT_THAT(refusal(nullptr, 2, 2, 6), HasSubstr("usage: there are no pixels"));
    EXPECT_THAT(refusal(bytes.data(), 0, 2, 6), HasSubstr("usage: there are no pixels"));
    EXPECT_THAT(refusal(bytes.data(), 2, 2, 5), HasSubstr("6 is the least"));
    EXPECT_THAT(refusal(bytes.data(), 100'000, 1, 300'000), HasSubstr("resource: "));
}

TEST(EncodedImages, AreReadBackFromMemory) {
    Image image{.width = 5, .height = 3, .rgb = {}};
    for (int i = 0; i < 45; ++i) image.rgb.push_back(static_cast<std::uint8_t>(i * 5));
    EXPECT_EQ(read_image(encode_png(image)).rgb, image.rgb);
    const Image again = read_image(encode_jpeg(image, 100));
    EXPECT_EQ(again.width, 5);
    EXPECT_EQ(again.height, 3);
    EXPECT_THAT(error_of([&] { encode_jpeg(image, 0); }), HasSubstr("usage: "));
    EXPECT_THAT(error_of([] { read_image(std::vector<std::byte>(20)); }), HasSubstr("image: "));
}

}  // namespace
}  // namespace locus
