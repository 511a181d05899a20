#include "localize/mountains.hpp"

#include <algorithm>

namespace locus::localize {

void pack_flags(const std::uint8_t* flags, std::size_t words, std::uint64_t* bits) {
    for (std::size_t word = 0; word < words; ++word) {
        std::uint64_t packed = 0;
        for (std::size_t k = 0; k < 8; ++k) {
            std::uint64_t eight;
            __builtin_memcpy(&eight, flags + word * 64 + k * 8, 8);
            // Each product bit 56 + i is the sum of one flag: byte i times 2^(56 - 7 i).
            packed |= ((eight * 0x0102040810204080ULL) >> 56) << (k * 8);
        }
        bits[word] = packed;
    }
}

void Mountains::assign(const std::uint8_t* values, int width) {
    const std::size_t words = (static_cast<std::size_t>(width) + 63) / 64;
    if (width != width_) {
        width_ = width;
        flags_.assign(words * 64, 0);
        rises_.resize(words);
        falls_.resize(words);
        starts_.resize(words);
        before_.resize(words);
    }
    std::uint8_t* const flags = flags_.data();
    for (int x = 1; x < width; ++x) flags[x] = values[x] > values[x - 1] ? 1 : 0;
    pack_flags(flags, words, rises_.data());
    for (int x = 1; x < width; ++x) flags[x] = values[x] < values[x - 1] ? 1 : 0;
    pack_flags(flags, words, falls_.data());

    // A mountain starts at a rise before which, flat stretches aside, the row fell. Adding a bit to a stretch of ones
    // carries it to the stretch's end: that passes "it fell" over the flat positions, 64 at a time.
    std::uint64_t fell_before = 0;
    int starts = 0;
    for (std::size_t word = 0; word < words; ++word) {
        const std::uint64_t rises = rises_[word], falls = falls_[word];
        const std::uint64_t flat = ~(rises | falls);
        const std::uint64_t after_fall = (falls << 1) | fell_before;
        const std::uint64_t fell = ((flat + (after_fall & flat)) ^ flat) | after_fall;
        starts_[word] = rises & fell;
        before_[word] = starts;
        starts += std::popcount(starts_[word]);
        fell_before = (falls | (flat & fell)) >> 63;
    }
    count_ = starts + 1;
}

int Mountains::next_start(int x) const {
    auto word = static_cast<std::size_t>(x) / 64;
    std::uint64_t bits = starts_[word] & (~std::uint64_t{1} << (x % 64));
    while (bits == 0) bits = starts_[++word];
    return static_cast<int>(word * 64) + std::countr_zero(bits);
}

int Mountains::last_rise(int begin, int end) const {
    int word = (end - 1) / 64;
    std::uint64_t bits = rises_[static_cast<std::size_t>(word)] & (~std::uint64_t{0} >> (63 - (end - 1) % 64));
    while (bits == 0 && word > begin / 64) bits = rises_[static_cast<std::size_t>(--word)];
    if (bits == 0) return begin;
    return std::max(begin, word * 64 + 63 - std::countl_zero(bits));
}

}  // namespace locus::localize
