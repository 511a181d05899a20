#pragma once

/// Pictures in memory.

#include <cstdint>
#include <vector>

namespace locus {

/// An upright RGB picture, 8 bits a channel, sRGB, rows from the top, pixels interleaved, no padding.
struct Image {
    int width = 0;                 ///< pixels
    int height = 0;                ///< pixels
    std::vector<std::uint8_t> rgb; ///< width * height * 3 values

    std::uint8_t* pixel(int x, int y) { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
    const std::uint8_t* pixel(int x, int y) const {
        return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3;
    }
};

}  // namespace locus
