#pragma once

/// Class activation maps in memory.

#include <cstddef>
#include <vector>

namespace locus {

/// Evidence for one class at each position. A *raw* map is signed and has the resolution of the target layer;
/// everything shown or boxed is derived from it (`locus/boxes.hpp`).
struct Map {
    int width = 0;                ///< positions
    int height = 0;               ///< positions
    std::vector<float> values{};  ///< [height, width], rows from the top

    /// Of column x and row y, both within the map.
    float& at(int x, int y) { return values[index(x, y)]; }
    float at(int x, int y) const { return values[index(x, y)]; }

    /// Where `values` holds them.
    std::size_t index(int x, int y) const {
        return static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x);
    }
};

}  // namespace locus
