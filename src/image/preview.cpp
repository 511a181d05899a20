#include "image/preview.hpp"

#include <algorithm>
#include <cmath>

#include "locus/preprocessing.hpp"

namespace locus::image {

Image resized(const Image& picture, int width, int height) {
    // A network's input of bytes, pixel by pixel, is a picture.
    const Preprocessing bytes{.width = width, .height = height, .layout = Layout::nhwc, .type = DataType::uint8};
    Image result{.width = width, .height = height, .rgb = std::vector<std::uint8_t>(input_bytes(bytes))};
    preprocess_into(picture, bytes, std::as_writable_bytes(std::span(result.rgb)));
    return result;
}

Image preview(const Image& picture, int longest_side) {
    const int longer = std::max(picture.width, picture.height);
    if (longer <= longest_side) return picture;
    const double scale = static_cast<double>(longest_side) / longer;
    const auto side = [&](int pixels) { return std::max(1, static_cast<int>(std::lround(pixels * scale))); };
    return resized(picture, side(picture.width), side(picture.height));
}

}  // namespace locus::image
