#pragma once

/// One decoder a format: from a whole file in memory to pixels as stored, before the picture is turned upright.
/// `decode.hpp` is the way in.
///
/// Each throws Error(image) with a sentence that begins with `source.name`, and Error(resource) where a limit is
/// passed.

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "image/decode.hpp"
#include "image/header.hpp"
#include "image/sample_depth.hpp"

namespace locus::image {

/// What a decoder is given.
struct Source {
    std::span<const std::byte> bytes;
    std::string name;  ///< valid UTF-8, in quotes
    DecodeOptions options;
};

/// What a decoder gives.
struct Decoded {
    Image image;    ///< as stored: `orientation` is still to be applied
    int width = 0;  ///< of the full picture as stored
    int height = 0;
    int orientation = 1;                    ///< EXIF's 1 ... 8
    std::optional<SampleDepth> depth = {};  ///< of 16-bit samples
};

/// The bits that 16-bit samples are to be taken to have.
inline int sample_bits(const Source& source) {
    return source.options.sample_bits != 0 ? source.options.sample_bits : most_sample_bits;
}

/// Throws Error(resource) for a picture beyond the limits, Error(image) for one without pixels.
void require_size(std::int64_t width, std::int64_t height, const Source& source);

/// An Image of this size, or Error(resource).
Image allocate(int width, int height, const Source& source);

Decoded decode_jpeg(const Source& source);
Decoded decode_png(const Source& source, const Header& header);
Decoded decode_gif(const Source& source);

/// WebP, TIFF and BMP, in the library liblocus_codecs.so. Throws Error(unsupported) where that is missing.
Decoded decode_rare(const Source& source, const Header& header);

/// What liblocus_codecs.so exports, as `locus_decode_rare`.
using RareDecoder = void(const Source& source, const Header& header, Decoded& decoded);

// Inside that library: TIFF by libtiff, WebP and BMP by OpenCV.
Decoded decode_tiff(const Source& source, const Header& header);
Decoded decode_with_opencv(const Source& source, const Header& header);

/// A colour channel of 0 ... 255 of a pixel with this alpha, seen on white.
inline std::uint8_t on_white(unsigned value, unsigned alpha) {
    const unsigned scaled = value * alpha + 255U * (255U - alpha) + 128U;
    return static_cast<std::uint8_t>((scaled + (scaled >> 8U)) >> 8U);  // scaled / 255, rounded
}

}  // namespace locus::image
