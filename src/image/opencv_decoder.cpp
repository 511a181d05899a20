#include <algorithm>
#include <mutex>
#include <string_view>

#include <fmt/core.h>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "image/decoders.hpp"
#include "image/quiet_cerr.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

void silence_opencv() {
    static std::once_flag once;
    std::call_once(once, [] { cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT); });
}

void append(std::vector<std::byte>& bytes, std::string_view text) {
    const auto raw = std::as_bytes(std::span(text));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
}

void append_number(std::vector<std::byte>& bytes, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xffU));
}

/// A still WebP file of an animation's first frame: OpenCV reads no animations. VP8X announces what the frame may hold.
std::vector<std::byte> still_webp(const Source& source, const Header& header) {
    constexpr std::uint64_t has_alpha = 0x10;
    const auto chunks = source.bytes.subspan(header.frame, header.frame_size);
    std::vector<std::byte> still;
    append(still, "RIFF");
    append_number(still, 4 + 18 + chunks.size(), 4);
    append(still, "WEBPVP8X");
    append_number(still, 10, 4);
    append_number(still, has_alpha, 4);
    append_number(still, static_cast<std::uint64_t>(header.frame_width - 1), 3);
    append_number(still, static_cast<std::uint64_t>(header.frame_height - 1), 3);
    still.insert(still.end(), chunks.begin(), chunks.end());
    return still;
}

cv::Mat decode_pixels(std::span<const std::byte> bytes, const Source& source, const Header& header) {
    silence_opencv();
    // IMREAD_UNCHANGED leaves the orientation to us. A BMP's fourth byte is padding more often than opacity.
    const int flags =
        header.format == Format::bmp ? cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION : cv::IMREAD_UNCHANGED;
    const cv::Mat file(
        1, static_cast<int>(bytes.size()), CV_8U,
        const_cast<std::byte*>(bytes.data()));  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
    cv::Mat pixels;
    try {
        const QuietCerr quiet;
        pixels = cv::imdecode(file, flags);
    } catch (const cv::Exception& error) {
        if (error.code == cv::Error::StsNoMem) throw std::bad_alloc();
        throw Error(ErrorKind::image, fmt::format("{} is a {} file that cannot be decoded: {}", source.name,
                                                  name(header.format), error.err));
    }
    if (pixels.empty()) {
        throw Error(ErrorKind::image, fmt::format("{} is a damaged {} file, or of a kind that is not understood",
                                                  source.name, name(header.format)));
    }
    if (pixels.depth() == CV_16U) pixels.convertTo(pixels, CV_8U, 1.0 / 257);
    if (pixels.depth() != CV_8U || (pixels.channels() != 1 && pixels.channels() != 3 && pixels.channels() != 4)) {
        throw Error(
            ErrorKind::image,
            fmt::format("{} is a {} file of {} channels of type {}: 1, 3 or 4 channels of 8 or 16 bits are read",
                        source.name, name(header.format), pixels.channels(), cv::typeToString(pixels.depth())));
    }
    return pixels;
}

/// Writes BGR, BGRA or grey pixels as RGB where the header's frame begins on the canvas; what lies outside is dropped.
void draw(const cv::Mat& pixels, Image& canvas, const Header& header) {
    const int channels = pixels.channels();
    const std::int64_t left = header.frame_x, top = header.frame_y;
    for (int y = 0; y < pixels.rows && top + y < canvas.height; ++y) {
        const std::uint8_t* source = pixels.ptr<std::uint8_t>(y);
        for (int x = 0; x < pixels.cols && left + x < canvas.width; ++x, source += channels) {
            std::uint8_t* target = canvas.pixel(static_cast<int>(left) + x, static_cast<int>(top) + y);
            if (channels == 1) {
                target[0] = target[1] = target[2] = source[0];
            } else {
                const unsigned alpha = channels == 4 ? source[3] : 255;
                for (int c = 0; c < 3; ++c) target[c] = on_white(source[2 - c], alpha);
            }
        }
    }
}

}  // namespace

Decoded decode_with_opencv(const Source& source, const Header& header) {
    cv::Mat pixels;
    if (header.frame != 0) {
        require_size(header.frame_width, header.frame_height, source);
        const std::vector<std::byte> still = still_webp(source, header);
        pixels = decode_pixels(still, source, header);
    } else {
        pixels = decode_pixels(source.bytes, source, header);
    }
    const bool is_whole = header.frame == 0;
    if (is_whole && (pixels.cols != header.width || pixels.rows != header.height)) {
        throw Error(
            ErrorKind::image,
            fmt::format("{} is a damaged {} file: its header says {} x {} pixels, its data {} x {}", source.name,
                        name(header.format), header.width, header.height, pixels.cols, pixels.rows));
    }
    Decoded decoded{.image = allocate(static_cast<int>(header.width), static_cast<int>(header.height), source),
                    .width = static_cast<int>(header.width),
                    .height = static_cast<int>(header.height),
                    .orientation = header.orientation};
    if (!is_whole) std::fill(decoded.image.rgb.begin(), decoded.image.rgb.end(), std::uint8_t{255});
    draw(pixels, decoded.image, header);
    return decoded;
}

}  // namespace locus::image
