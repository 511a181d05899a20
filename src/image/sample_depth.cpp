#include "image/sample_depth.hpp"

#include <algorithm>

#include <fmt/core.h>

namespace locus::image {

void SampleDepth::add(const std::uint16_t* samples, std::size_t pixels, std::size_t step, std::size_t colors) {
    for (std::size_t i = 0; i < pixels; ++i, samples += step) {
        for (std::size_t c = 0; c < colors; ++c) {
            greatest = std::max(greatest, samples[c]);
            used |= samples[c];
        }
    }
}

SampleNarrowing::SampleNarrowing(int bits) : table_(65536) {
    const unsigned white = white_of(bits);
    for (unsigned v = 0; v < table_.size(); ++v)
        table_[v] = static_cast<std::uint8_t>(std::min((v * 255U + white / 2) / white, 255U));
}

int bits_by_significance(const SampleDepth& depth, int significant_bits) {
    if (significant_bits < least_sample_bits || significant_bits >= most_sample_bits) return most_sample_bits;
    // The lowest bit is set by rounding too, where samples are multiplied: 137 * 65535 / 4095 = 2192.5.
    const unsigned below = white_of(most_sample_bits - significant_bits) & ~1U;
    const bool fits = depth.greatest <= white_of(significant_bits);
    return fits && (depth.used & below) != 0 ? significant_bits : most_sample_bits;
}

int bits_by_maximum(double white) {
    for (const int bits : {8, 10, 12, 14})
        if (white <= white_of(bits)) return bits;
    return most_sample_bits;
}

std::string depth_warning(const SampleDepth& depth, int given, const std::string& name) {
    if (given != 0) {
        if (depth.greatest <= white_of(given)) return {};
        return fmt::format(
            "{} has values up to {}, more than the {} bits that --bits says: what is beyond {} is seen as white", name,
            depth.greatest, given, white_of(given));
    }
    const int bits = bits_by_maximum(depth.greatest);
    if (depth.said || depth.greatest == 0 || bits == most_sample_bits) return {};
    return fmt::format(
        "{} has samples of 16 bits, but none above {}: they are seen as {:.1f} % of white at most; if they are meant "
        "to "
        "have {} bits, give --bits {}",
        name, depth.greatest, 100.0 * depth.greatest / white_of(most_sample_bits), bits, bits);
}

std::string bits_remark(int given) {
    return fmt::format("--bits {} changes nothing: none of these pictures has samples of 16 bits", given);
}

}  // namespace locus::image
