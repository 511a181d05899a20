#include "model/networks/random_weights.hpp"

#include <cmath>

namespace locus::model {

RandomWeights::RandomWeights(std::uint64_t seed, std::string_view stream) : bits_(seed) {
    // FNV-1a over the name.
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : stream) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
    bits_ = SplitMix64(bits_.next() ^ hash);
    bits_ = SplitMix64(bits_.next());
}

void RandomWeights::fill_normal(std::span<float> values, double deviation) {
    // Four numbers 0 … 65535, each of variance (65536² - 1) / 12, about their mean.
    const double scale = deviation / std::sqrt((65536.0 * 65536.0 - 1) / 3);
    for (float& value : values) {
        const std::uint64_t u = next();
        const auto sum = static_cast<std::int64_t>((u & 0xffff) + (u >> 16 & 0xffff) + (u >> 32 & 0xffff) + (u >> 48));
        value = static_cast<float>(static_cast<double>(sum - 2 * 65535) * scale);
    }
}

void RandomWeights::fill_uniform(std::span<float> values, double limit) {
    for (float& value : values) {
        value = static_cast<float>((2 * bits_.uniform() - 1) * limit);
    }
}

}  // namespace locus::model
