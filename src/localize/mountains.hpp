#pragma once

/// A row of values cut at its valleys into mountains: runs that first do not fall and then do not rise.
///
///     localize::Mountains row;
///     row.assign(values, width);
///     row.each_peak([&](int mountain, int x) { ... values[x] is the mountain's maximum ... });
///     row.mountain_of(17);                   // 0 ... row.count() - 1, from left to right
///
/// At the level of its own value, every position is connected along the row with its mountain's peak. That makes peaks
/// and valleys all that a row contributes to the connected components of all levels; in a smooth map they are few.
///
/// Positions are held as bits, 64 a word: nothing is done for each position but comparing it with its left neighbour.

#include <bit>
#include <cstdint>
#include <vector>

namespace locus::localize {

/// 0/1 bytes to bits. `flags` must be readable up to the next multiple of 64.
void pack_flags(const std::uint8_t* flags, std::size_t words, std::uint64_t* bits);

/// Calls visit(x) for each nonzero flag, from left to right. `flags` must be readable, and zero, up to the next
/// multiple of 8.
template <class Visit> void each_flag(const std::uint8_t* flags, int width, Visit visit) {
    for (int x = 0; x < width; x += 8) {
        std::uint64_t eight;
        __builtin_memcpy(&eight, flags + x, 8);
        while (eight != 0) {
            const int bit = std::countr_zero(eight);
            visit(x + bit / 8);
            eight &= ~(std::uint64_t{0xFF} << (bit / 8 * 8));
        }
    }
}

class Mountains {
public:
    /// Looks at values[0 ... width - 1], width >= 1, and keeps no reference to them.
    void assign(const std::uint8_t* values, int width);

    int count() const { return count_; }

    int mountain_of(int x) const {
        const std::size_t word = static_cast<std::size_t>(x) / 64;
        const std::uint64_t up_to_x = ~std::uint64_t{0} >> (63 - x % 64);
        return before_[word] + std::popcount(starts_[word] & up_to_x);
    }

    /// visit(mountain, x): x is the first position of the mountain's highest plateau.
    template <class Visit> void each_peak(Visit visit) const {
        int begin = 0;
        for (int mountain = 0; mountain < count_; ++mountain) {
            const int end = mountain + 1 < count_ ? next_start(begin) : width_;
            visit(mountain, last_rise(begin, end));
            begin = end;
        }
    }

    /// visit(mountain, x): between `mountain` and the next lies a valley, whose last position is x.
    template <class Visit> void each_valley(Visit visit) const {
        int begin = 0;
        for (int mountain = 0; mountain + 1 < count_; ++mountain) {
            begin = next_start(begin);
            visit(mountain, begin - 1);
        }
    }

private:
    /// First start of a mountain after x; there must be one.
    int next_start(int x) const;
    /// Last rise in begin ... end - 1, else begin: a mountain's rises all lie before its falls.
    int last_rise(int begin, int end) const;

    int width_ = 0, count_ = 0;
    std::vector<std::uint8_t> flags_;
    std::vector<std::uint64_t> rises_;   ///< bit x: values[x] > values[x - 1]
    std::vector<std::uint64_t> falls_;   ///< bit x: values[x] < values[x - 1]
    std::vector<std::uint64_t> starts_;  ///< bit x: a mountain other than the first begins
    std::vector<int> before_;            ///< starts in the words before
};

}  // namespace locus::localize
