#pragma once

/// The first directory of a TIFF file (TIFF 6.0, section 2; BigTIFF with 64-bit offsets), which is also how EXIF data
/// are laid out.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace locus::image {

/// Tags of the baseline, by their numbers in TIFF 6.0.
enum class TiffTag : std::uint16_t {
    width = 256,
    height = 257,
    strip_offsets = 273,
    orientation = 274,
    strip_byte_counts = 279,
    tile_offsets = 324,
    tile_byte_counts = 325,
};

/// The entries above whose values are whole numbers (BYTE, SHORT, LONG, LONG8), the first where a tag repeats; others
/// are left out.
using TiffDirectory = std::map<TiffTag, std::vector<std::uint64_t>>;

/// Throws EndOfBytes where the directory or one of these values lies beyond the end; empty where this is no TIFF.
TiffDirectory read_tiff_directory(std::span<const std::byte> bytes);

}  // namespace locus::image
