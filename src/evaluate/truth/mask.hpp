#pragma once

/// Masks of objects: 8-bit PNG files of 0 (background), 1 (object) and 255 (left out).

#include <cstdint>
#include <filesystem>
#include <vector>

namespace locus::evaluate {

struct Mask {
    int width = 0, height = 0;
    std::vector<std::uint8_t> values;  ///< [height, width]
};

/// Throws Error(image) where the file is no PNG of at most 8 bits and one channel, is larger than 100 megapixels, or
/// has values other than 0, 1 and 255.
Mask read_mask(const std::filesystem::path& file);

/// The mask at another size, each pixel from the nearest (OpenCV's INTER_NEAREST, as the reference does it).
std::vector<std::uint8_t> resized(const Mask& mask, int width, int height);

}  // namespace locus::evaluate
