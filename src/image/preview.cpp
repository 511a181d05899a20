#include "image/preview.hpp"

#include <algorithm>
#include <cmath>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "locus/preprocessing.hpp"

namespace locus::image {

Image resized(const Image& picture, int width, int height) {
    // A network's input of bytes, pixel by pixel, is a picture.
    const Preprocessing bytes{.width = width, .height = height, .layout = Layout::nhwc, .type = DataType::uint8};
    Image result{.width = width, .height = height, .rgb = std::vector<std::uint8_t>(input_bytes(bytes))};
    preprocess_into(picture, bytes, std::as_writable_bytes(std::span(result.rgb)));
    return result;
}

namespace {

/// Each block of pixels its mean. What is left over at the right and at the bottom, less than a block, is cut off.
Image block_means(const Image& picture, int block) {
    Image result{.width = picture.width / block, .height = picture.height / block, .rgb = {}};
    result.rgb.resize(static_cast<std::size_t>(result.width) * static_cast<std::size_t>(result.height) * 3);
    auto* pixels = const_cast<std::uint8_t*>(picture.rgb.data());  // which OpenCV does not write to
    const cv::Mat whole(picture.height, picture.width, CV_8UC3, pixels);
    cv::Mat means(result.height, result.width, CV_8UC3, result.rgb.data());
    cv::resize(whole({0, 0, result.width * block, result.height * block}), means, means.size(), 0, 0, cv::INTER_AREA);
    return result;
}

}  // namespace

Image preview(const Image& picture, int longest_side) {
    const int longer = std::max(picture.width, picture.height);
    if (longer <= longest_side) return picture;
    // Whole blocks are several times faster; they are taken where they come near enough to the size that was asked for.
    const int block = (longer + longest_side - 1) / longest_side;
    if (const int side = longer / block; side >= 0.8 * longest_side && std::min(picture.width, picture.height) >= block)
        return block_means(picture, block);
    const double scale = static_cast<double>(longest_side) / longer;
    const auto side = [&](int pixels) { return std::max(1, static_cast<int>(std::lround(pixels * scale))); };
    return resized(picture, side(picture.width), side(picture.height));
}

}  // namespace locus::image
