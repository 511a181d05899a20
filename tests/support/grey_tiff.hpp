#pragma once

/// TIFF files whose every sample a test knows.

#include <string>
#include <utility>
#include <vector>

namespace locus::test {

/// A grey TIFF of 16-bit samples, little-endian, written from TIFF 6.0: the entries, then one strip.
inline std::string grey_tiff(int width, int height, const std::vector<int>& samples) {
    std::string bytes("II*\0\x08\0\0\0", 8);
    const auto number = [&](unsigned value, int count) {
        for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xffU);
    };
    const auto w = static_cast<unsigned>(width), h = static_cast<unsigned>(height);
    const std::vector<std::pair<unsigned, unsigned>> entries{{256, w}, {257, h}, {258, 16},
                                                             {259, 1}, {262, 1}, {273, 8 + 2 + 9 * 12 + 4},
                                                             {277, 1}, {278, h}, {279, 2 * w * h}};
    number(static_cast<unsigned>(entries.size()), 2);
    for (const auto& [tag, value] : entries) {
        number(tag, 2);
        number(4, 2);  // LONG
        number(1, 4);
        number(value, 4);
    }
    number(0, 4);
    for (const int sample : samples) number(static_cast<unsigned>(sample), 2);
    return bytes;
}

}  // namespace locus::test
