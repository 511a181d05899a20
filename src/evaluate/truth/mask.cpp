#include "evaluate/truth/mask.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <opencv2/imgproc.hpp>

#include <fmt/core.h>

#include "evaluate/metrics/pixel_precision.hpp"
#include "image/png_reader.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

/// Labels are read row by row, as they are stored: libpng's simplified reader makes others of them in a file that has a
/// gamma.
struct Reader : image::PngReader {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{nullptr, std::fclose};
};

bool read_header(Reader& reader) {
    if (setjmp(reader.out) != 0) return false;
    png_init_io(reader.codec, reader.file.get());
    png_read_info(reader.codec, reader.info);
    return true;
}

/// Of a picture of one byte a pixel.
bool read_pixels(Reader& reader, std::uint8_t* pixels, std::size_t width, std::size_t height) {
    if (setjmp(reader.out) != 0) return false;
    const int passes = png_set_interlace_handling(reader.codec);
    png_read_update_info(reader.codec, reader.info);
    for (int pass = 0; pass < passes; ++pass) {
        for (std::size_t y = 0; y < height; ++y) png_read_row(reader.codec, pixels + y * width, nullptr);
    }
    return true;
}

}  // namespace

Mask read_mask(const std::filesystem::path& file) {
    const auto fail = [&](const std::string& why) {
        throw Error(ErrorKind::image, fmt::format("the mask {} cannot be used: {}", text::quote(file.string()), why));
    };
    Reader png;
    png.file.reset(std::fopen(file.c_str(), "rb"));
    if (!png.file) fail(std::strerror(errno));
    if (!read_header(png)) fail(png.message);
    const int bits = png_get_bit_depth(png.codec, png.info);
    if (bits < 8)
        fail("it has less than 8 bits a pixel, so that its 1 may mean 255: save it as 8-bit grey with 0, 1 and 255");
    const std::uint32_t width = png_get_image_width(png.codec, png.info);
    const std::uint32_t height = png_get_image_height(png.codec, png.info);
    constexpr std::uint64_t limit = 100'000'000;
    if (std::uint64_t{width} * height > limit)
        fail(fmt::format("{} x {} pixels are more than 100 megapixels", width, height));
    if (png_get_color_type(png.codec, png.info) != PNG_COLOR_TYPE_GRAY || bits != 8 ||
        png_get_valid(png.codec, png.info, PNG_INFO_tRNS) != 0) {
        fail("it is not grey with 8 bits (colours, 16 bits and alpha mean nothing in a mask)");
    }
    Mask mask{static_cast<int>(width), static_cast<int>(height), {}};
    mask.values.resize(std::size_t{width} * height);
    if (!read_pixels(png, mask.values.data(), width, height)) fail(png.message);
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
