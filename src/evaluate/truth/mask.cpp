#include "evaluate/truth/mask.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include <fmt/core.h>

#include "evaluate/metrics/pixel_precision.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

/// libpng's simplified reader, closed whatever happens.
struct PngImage {
    png_image image{};
    PngImage() { image.version = PNG_IMAGE_VERSION; }
    ~PngImage() { png_image_free(&image); }
    PngImage(const PngImage&) = delete;
    PngImage& operator=(const PngImage&) = delete;
};

/// Bits of a pixel as the PNG's header says; 8 for what is no PNG, which libpng refuses. (Its simplified reader scales
/// fewer bits to 8 unasked.)
int bits_of_grey(const std::filesystem::path& file) {
    std::array<char, 25> begin{};  // signature, length and name of the first chunk, width, height, bits
    std::ifstream stream(file, std::ios::binary);
    if (!stream.read(begin.data(), begin.size()) || std::string_view(begin.data() + 12, 4) != "IHDR") return 8;
    return begin.back();
}

}  // namespace

Mask read_mask(const std::filesystem::path& file) {
    const auto fail = [&](const std::string& why) {
        throw Error(ErrorKind::image, fmt::format("the mask {} cannot be used: {}", text::quote(file.string()), why));
    };
    if (bits_of_grey(file) < 8)
        fail("it has less than 8 bits a pixel, so that its 1 may mean 255: save it as 8-bit grey with 0, 1 and 255");
    PngImage png;
    if (png_image_begin_read_from_file(&png.image, file.c_str()) == 0) fail(png.image.message);
    constexpr std::uint64_t limit = 100'000'000;
    if (std::uint64_t{png.image.width} * png.image.height > limit) {
        fail(fmt::format("{} x {} pixels are more than 100 megapixels", png.image.width, png.image.height));
    }
    if ((png.image.format & (PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_LINEAR | PNG_FORMAT_FLAG_ALPHA)) != 0) {
        fail("it is not grey with 8 bits (colours, 16 bits and alpha mean nothing in a mask)");
    }
    png.image.format = PNG_FORMAT_GRAY;
    Mask mask{static_cast<int>(png.image.width), static_cast<int>(png.image.height), {}};
    mask.values.resize(PNG_IMAGE_SIZE(png.image));
    if (png_image_finish_read(&png.image, nullptr, mask.values.data(), 0, nullptr) == 0) fail(png.image.message);
    const auto stranger = std::find_if(mask.values.begin(), mask.values.end(), [](std::uint8_t v) {
        return v != mask_background && v != mask_object && v != mask_ignore;
    });
    if (stranger != mask.values.end())
        fail(fmt::format("it has the value {}; 0, 1 and 255 (left out) are right", *stranger));
    return mask;
}

std::vector<std::uint8_t> resized(const Mask& mask, int width, int height) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    const cv::Mat from(mask.height, mask.width, CV_8U, const_cast<std::uint8_t*>(mask.values.data()));
    cv::Mat to(height, width, CV_8U, values.data());
    cv::resize(from, to, {width, height}, 0, 0, cv::INTER_NEAREST);
    return values;
}

}  // namespace locus::evaluate
