#pragma once

/// Random numbers of the evaluation, which are the same on every machine.

#include <cstdint>

#include "split_mix.hpp"

namespace locus::evaluate {

class Random : public SplitMix64 {
public:
    using SplitMix64::SplitMix64;

    /// 0 ... count - 1, 1 <= count < 2^32.
    std::uint32_t below(std::uint32_t count) { return static_cast<std::uint32_t>(((next() >> 32) * count) >> 32); }
};

/// A seed of its own for each item.
inline std::uint64_t seed_of(std::uint64_t seed, std::uint64_t item) {
    return Random(seed ^ Random(item).next()).next();
}

}  // namespace locus::evaluate
