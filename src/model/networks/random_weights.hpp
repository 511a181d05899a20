#pragma once

/// Random weights that are the same bits on every machine.
///
///     RandomWeights random(seed, "conv1.weight");
///     random.fill_normal(values, 0.02);
///
/// Each tensor has its own stream, made from the seed and the tensor's name, so that a layer's weights do not depend on
/// the layers before it. Only integer arithmetic and one multiplication are used: no logarithm or cosine, whose last
/// bit differs between machines.

#include <cstdint>
#include <span>
#include <string_view>

#include "split_mix.hpp"

namespace locus::model {

class RandomWeights {
public:
    RandomWeights(std::uint64_t seed, std::string_view stream);

    /// 64 random bits.
    std::uint64_t next() { return bits_.next(); }

    /// Mean 0 and the given standard deviation. The bell is the sum of four uniform numbers, so it ends at 3.5
    /// deviations.
    void fill_normal(std::span<float> values, double deviation);

    /// Uniform in [-limit, limit).
    void fill_uniform(std::span<float> values, double limit);

private:
    SplitMix64 bits_;
};

}  // namespace locus::model
