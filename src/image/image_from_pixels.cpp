#include <cstdint>
#include <new>
#include <optional>

#include <fmt/core.h>

#include "image/decoders.hpp"
#include "localize/size_limit.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"

namespace locus {
namespace {

/// Where in a pixel its channels are.
struct Places {
    std::size_t bytes, red, green, blue;
    std::optional<std::size_t> alpha{};
};

Places places_of(PixelFormat format) {
    switch (format) {
        case PixelFormat::rgb:
            return {3, 0, 1, 2};
        case PixelFormat::bgr:
            return {3, 2, 1, 0};
        case PixelFormat::rgba:
            return {4, 0, 1, 2, 3};
        case PixelFormat::bgra:
            return {4, 2, 1, 0, 3};
        case PixelFormat::gray:
            return {1, 0, 0, 0};
    }
    throw Error(ErrorKind::usage, fmt::format("there is no pixel format {}: rgb, bgr, rgba, bgra and gray are known",
                                              static_cast<int>(format)));
}

}  // namespace

Image image_from_pixels(const std::uint8_t* pixels, int width, int height, std::size_t stride, PixelFormat format) {
    const Places at = places_of(format);
    if (pixels == nullptr || width < 1 || height < 1)
        throw Error(ErrorKind::usage, fmt::format("there are no pixels to copy: {} x {} at {}", width, height,
                                                  static_cast<const void*>(pixels)));
    localize::require_size(width, height);
    const auto columns = static_cast<std::size_t>(width), rows = static_cast<std::size_t>(height);
    if (stride < columns * at.bytes)
        throw Error(ErrorKind::usage, fmt::format("rows of {} pixels of {} bytes cannot begin every {} bytes: {} is "
                                                  "the least",
                                                  width, at.bytes, stride, columns * at.bytes));
    Image image{.width = width, .height = height};
    try {
        image.rgb.resize(columns * rows * 3);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("no memory for a picture of {} x {} pixels", width, height));
    }
    std::uint8_t* to = image.rgb.data();
    for (std::size_t y = 0; y < rows; ++y) {
        const std::uint8_t* from = pixels + y * stride;
        for (std::size_t x = 0; x < columns; ++x, from += at.bytes, to += 3) {
            to[0] = from[at.red];
            to[1] = from[at.green];
            to[2] = from[at.blue];
            if (!at.alpha) continue;
            for (int c = 0; c < 3; ++c) to[c] = image::on_white(to[c], from[*at.alpha]);
        }
    }
    return image;
}

}  // namespace locus
