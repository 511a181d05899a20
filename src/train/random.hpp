#pragma once

/// Random numbers that depend on what they are for, never on who draws them or when.
///
///     train::Random random(seed, epoch, sample);
///     double u = random.uniform();      // the same on every machine, rank and thread

#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "split_mix.hpp"

namespace locus::train {

/// Started from a hash of seed, epoch and sample.
class Random : public SplitMix64 {
public:
    explicit Random(std::uint64_t seed, std::uint64_t epoch = 0, std::uint64_t sample = 0)
        : SplitMix64(mixed(mixed(mixed(seed + increment) + epoch + increment) + sample + increment)) {}

    using SplitMix64::uniform;
    double uniform(double low, double high) { return low + (high - low) * uniform(); }
    /// In 0 ... count - 1; the bias of count / 2^64 is not removed.
    std::uint64_t below(std::uint64_t count) {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>(static_cast<Wide>(next()) * count >> 64U);
    }
    /// Standard normal (Box and Muller 1958).
    double normal() {
        const double radius = std::sqrt(-2 * std::log(1 - uniform()));
        return radius * std::cos(2 * 3.14159265358979323846 * uniform());
    }
};

/// 0 ... count - 1 in the order of this epoch (Fisher and Yates).
inline std::vector<std::uint32_t> shuffled(std::size_t count, std::uint64_t seed, std::uint64_t epoch) {
    std::vector<std::uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    Random random(seed, epoch, ~std::uint64_t{0});
    for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    return order;
}

}  // namespace locus::train
