#pragma once

/// Random numbers that are the same on every machine (SplitMix64; Steele, Lea and Flood 2014).

#include <cstdint>

namespace locus::evaluate {

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9E3779B97F4A7C15ULL;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

    /// 0 ... count - 1, 1 <= count < 2^32.
    std::uint32_t below(std::uint32_t count) { return static_cast<std::uint32_t>(((next() >> 32) * count) >> 32); }

    /// 0 <= value < 1
    double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
    std::uint64_t state_;
};

/// A seed of its own for each item.
inline std::uint64_t seed_of(std::uint64_t seed, std::uint64_t item) {
    return Random(seed ^ Random(item).next()).next();
}

}  // namespace locus::evaluate
