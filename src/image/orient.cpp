#include "image/orient.hpp"

#include <algorithm>
#include <cstddef>

namespace locus::image {

Image upright(Image stored, int orientation) {
    if (orientation <= 1 || orientation > 8) return stored;
    const std::ptrdiff_t w = stored.width;
    const std::ptrdiff_t h = stored.height;
    Image turned{.width = static_cast<int>(swaps_sides(orientation) ? h : w),
                 .height = static_cast<int>(swaps_sides(orientation) ? w : h),
                 .rgb = std::vector<std::uint8_t>(stored.rgb.size())};

    // Upright pixel (x, y) is the stored pixel number start + x * along_x + y * along_y.
    std::ptrdiff_t start = 0, along_x = 1, along_y = w;
    switch (orientation) {
        case 2:
            start = w - 1, along_x = -1, along_y = w;
            break;  // mirrored left to right
        case 3:
            start = w * h - 1, along_x = -1, along_y = -w;
            break;  // turned by 180 degrees
        case 4:
            start = w * (h - 1), along_x = 1, along_y = -w;
            break;  // mirrored top to bottom
        case 5:
            start = 0, along_x = w, along_y = 1;
            break;  // transposed
        case 6:
            start = w * (h - 1), along_x = -w, along_y = 1;
            break;  // to be turned clockwise by 90
        case 7:
            start = w * h - 1, along_x = -w, along_y = -1;
            break;  // transposed about the other diagonal
        case 8:
            start = w - 1, along_x = w, along_y = -1;
            break;  // to be turned counter-clockwise by 90
        default:
            break;
    }

    // In blocks, so that columns of the stored picture stay in the cache while they become rows.
    constexpr int block = 32;
    for (int y0 = 0; y0 < turned.height; y0 += block) {
        for (int x0 = 0; x0 < turned.width; x0 += block) {
            const int y1 = std::min(y0 + block, turned.height);
            const int x1 = std::min(x0 + block, turned.width);
            for (int y = y0; y < y1; ++y) {
                const std::uint8_t* source = stored.rgb.data() + (start + x0 * along_x + y * along_y) * 3;
                std::uint8_t* target = turned.pixel(x0, y);
                for (int x = x0; x < x1; ++x, source += along_x * 3, target += 3) {
                    target[0] = source[0];
                    target[1] = source[1];
                    target[2] = source[2];
                }
            }
        }
    }
    return turned;
}

}  // namespace locus::image
