#pragma once

/// Random numbers that are the same on every machine (SplitMix64; Steele, Lea and Flood 2014).
///
///     locus::SplitMix64 random(seed);
///     double u = random.uniform();

#include <cstdint>

namespace locus {

class SplitMix64 {
public:
    explicit constexpr SplitMix64(std::uint64_t state) : state_(state) {}

    /// 64 random bits.
    constexpr std::uint64_t next() { return mixed(state_ += increment); }

    /// In [0, 1), 53 bits.
    constexpr double uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

protected:
    static constexpr std::uint64_t increment = 0x9E3779B97F4A7C15U;

    static constexpr std::uint64_t mixed(std::uint64_t z) {
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

private:
    std::uint64_t state_;
};

}  // namespace locus
