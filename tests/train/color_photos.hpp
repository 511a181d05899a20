#pragma once

/// Pictures of noise round three colours: data that a small network learns in a moment.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "support/scratch_folder.hpp"
#include "train/random.hpp"

namespace locus::test {

/// A 24-bit BMP of noise round a colour.
inline std::string bitmap(int side, int red, int green, int blue, std::uint64_t seed) {
    const std::uint32_t row = static_cast<std::uint32_t>((side * 3 + 3) / 4 * 4),
                        size = 54 + row * static_cast<std::uint32_t>(side);
    std::string out = "BM";
    const auto put = [&](std::uint32_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255U);
    };
    put(size, 4), put(0, 4), put(54, 4), put(40, 4), put(static_cast<std::uint32_t>(side), 4),
        put(static_cast<std::uint32_t>(side), 4);
    put(1, 2), put(24, 2), put(0, 4), put(0, 4), put(2835, 4), put(2835, 4), put(0, 4), put(0, 4);
    train::Random random(seed);
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            for (const int c : {blue, green, red}) out += static_cast<char>(c + static_cast<int>(random.below(60)));
        }
        out.append(row - static_cast<std::uint32_t>(side) * 3, '\0');
    }
    return out;
}

/// Reddish, greenish and bluish pictures, `each` a class, in folders.
inline void write_colors(const ScratchFolder& folder, const std::string& name, int each) {
    for (int i = 0; i < each; ++i) {
        const std::string file = std::to_string(i) + ".bmp";
        folder.write(name + "/red/" + file, bitmap(16, 120, 60, 60, static_cast<std::uint64_t>(i)));
        folder.write(name + "/green/" + file, bitmap(16, 60, 120, 60, 1000U + static_cast<std::uint64_t>(i)));
        folder.write(name + "/blue/" + file, bitmap(16, 60, 60, 120, 2000U + static_cast<std::uint64_t>(i)));
    }
}

inline std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace locus::test
