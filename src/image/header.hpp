#pragma once

/// What the first bytes of an image file say, before anything is decoded.
///
///     image::Header header = image::read_header(bytes, "'scan.tif'");
///     header.format;                   // Format::tiff
///     header.width * header.height;    // to be held against a limit
///
/// The layouts are those of the PNG specification (W3C, 3rd edition), GIF89a, the WebP container specification (RFC
/// 9649), TIFF 6.0 with BigTIFF, and Microsoft's BITMAPFILEHEADER.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace locus::image {

enum class Format { jpeg, png, gif, webp, tiff, bmp };

/// "JPEG", "PNG", …
const char* name(Format format);

struct Header {
    Format format = Format::jpeg;
    std::int64_t width = 0;  ///< as stored; 0 for JPEG, whose decoder reads sizes itself
    std::int64_t height = 0;
    int orientation = 1;         ///< EXIF's 1 ... 8; JPEG's is found by its decoder
    std::size_t frame = 0;       ///< WebP: where the first frame's chunks begin in an animation, else 0
    std::size_t frame_size = 0;  ///< bytes of those chunks
    std::int64_t frame_width = 0, frame_height = 0, frame_x = 0,
                 frame_y = 0;  ///< pixels; the rest of the canvas is clear
};

/// Throws Error(image) where the bytes are no image of these formats (and says what they look like), where the header
/// is broken, or where the file is visibly shorter than its header promises. `name` begins the sentence.
Header read_header(std::span<const std::byte> bytes, const std::string& name);

/// The orientation, 1 ... 8, in a block of EXIF data (a TIFF file in small, without the "Exif" in front); 1 where there
/// is none or it is broken.
int exif_orientation(std::span<const std::byte> tiff);

}  // namespace locus::image
