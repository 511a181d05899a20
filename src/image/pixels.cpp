#include "image/pixels.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::image {

void require_pixels(const Image& picture) {
    const auto values = static_cast<std::size_t>(std::max(picture.width, 0)) *
                        static_cast<std::size_t>(std::max(picture.height, 0)) * 3;
    if (values > 0 && picture.rgb.size() == values) return;
    throw Error(ErrorKind::usage, fmt::format("a picture of {} x {} pixels with {} values is not possible: it needs "
                                              "three a pixel and at least one pixel",
                                              picture.width, picture.height, picture.rgb.size()));
}

}  // namespace locus::image
