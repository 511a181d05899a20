#pragma once

/// Image files as upright RGB pictures.
///
///     image::Photo photo = image::decode("cat.jpg");
///     photo.image.width;                                    // pixels, upright
///
///     // Only a 224 x 224 network will look at it: a 12-megapixel JPEG is decoded at 1/8, ten times as fast.
///     image::Photo small = image::decode("cat.jpg", {.reduce_to = 224});
///     small.width;                                          // still the full picture's width: 4000
///
/// JPEG (grey, YCbCr, RGB, CMYK, YCCK; baseline and progressive), PNG (every depth and colour type), GIF (its first
/// frame), WebP (of an animation the first frame), TIFF (8 and 16 bits, its first page, BigTIFF too) and BMP are told
/// apart by their content; names do not matter. What every format goes through:
///
/// - Sizes are read from the header and held against the limits before memory is taken or a pixel decoded.
/// - The picture is turned upright by its EXIF orientation (JPEG, PNG, WebP) or orientation tag (TIFF).
/// - Transparent pixels are composited on white, in sRGB values, as browsers show them on a white page.
/// - 16 bits become 8 by rounding v / 257, or as a share of what fewer bits hold where the file says that its samples
///   have no more (image/sample_depth.hpp); grey becomes three equal channels; colour profiles are ignored.
/// - A file that ends too early is an error, never a picture with a grey rest.
///
/// Errors are one sentence that names the file: Error(io) where it cannot be read, Error(resource) where it passes a
/// limit, Error(image) for everything else. All functions may be called from several threads at once. The first WebP or
/// BMP silences OpenCV's log, which is the whole process's.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "locus/image.hpp"

namespace locus::image {

struct DecodeOptions {
    std::int64_t max_pixels = 200'000'000;           ///< width * height that a picture may have
    int max_side = 65'500;                           ///< pixels; JPEG itself ends there
    std::int64_t max_bytes = std::int64_t{1} << 30;  ///< of the file

    /// 0: every pixel is decoded. Else a JPEG comes at 1/2, 1/4 or 1/8 of its size, the smallest at which both sides
    /// are still at least this long (`needed_side` of image/preprocess.hpp). Other formats come whole.
    int reduce_to = 0;

    /// Bits that the samples of PNG and TIFF files of 16 bits use, 8 to 16: 12 where white is 4095. 0: as the file
    /// says, else 16.
    int sample_bits = 0;

    /// Set from elsewhere (by Ctrl-C): a pipe on which nothing comes is no longer waited for, and Stopped is thrown.
    /// nullptr: it is, for ever.
    const std::atomic<bool>* stop = nullptr;
};

/// A decoded picture, and how large it is when every pixel is decoded.
struct Photo {
    Image image;
    int width = 0;  ///< of the full upright picture; image.width unless it was reduced
    int height = 0;
    std::string warning;       ///< one sentence about a picture that may not be what was meant; else empty
    bool has_16_bits = false;  ///< a sample, as it is stored: DecodeOptions::sample_bits means nothing else
};

/// Reads a file. Anything that can be read to its end will do, pipes included; folders are refused. Throws Stopped.
Photo decode(const std::filesystem::path& file, const DecodeOptions& options = {});

/// The same for a file in memory; `name` is what error messages call it.
Photo decode(std::span<const std::byte> bytes, const std::string& name, const DecodeOptions& options = {});

}  // namespace locus::image
