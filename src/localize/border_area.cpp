#include "localize/border_area.hpp"

#include <array>
#include <cstdlib>

namespace locus::localize {

std::int64_t twice_border_area(const std::uint8_t* first, std::ptrdiff_t stride, int level) {
    // Directions clockwise from east (y downwards), twice over so that a search needs no modulo.
    constexpr std::array<int, 8> dx{1, 1, 0, -1, -1, -1, 0, 1};
    constexpr std::array<int, 8> dy{0, 1, 1, 1, 0, -1, -1, -1};
    std::array<std::ptrdiff_t, 16> step;
    for (std::size_t d = 0; d < 16; ++d) step[d] = dy[d % 8] * stride + dx[d % 8];

    const auto next_direction = [&](const std::uint8_t* pixel, int from) {
        for (int d = from; d < from + 8; ++d) {
            if (pixel[step[static_cast<std::size_t>(d)]] > level) return d % 8;
        }
        return -1;
    };
    // West, north-west, north and north-east of the first pixel are outside.
    const int first_direction = next_direction(first, 0);
    if (first_direction < 0) return 0;  // a single pixel

    const std::uint8_t* pixel = first;
    int direction = first_direction;
    std::int64_t x = 0, y = 0, twice_area = 0;
    while (true) {
        const int sx = dx[static_cast<std::size_t>(direction)], sy = dy[static_cast<std::size_t>(direction)];
        twice_area += x * sy - y * sx;
        x += sx;
        y += sy;
        pixel += step[static_cast<std::size_t>(direction)];
        // Search on from the pixel after the last one seen outside.
        direction = next_direction(pixel, (direction + (direction % 2 == 0 ? 7 : 6)) % 8);
        if (pixel == first && direction == first_direction) return std::abs(twice_area);
    }
}

}  // namespace locus::localize
