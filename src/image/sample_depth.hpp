#pragma once

/// Samples of 16 bits, and how many of the 16 they use. Cameras of 10, 12 and 14 bits are often stored as they are:
/// white is 4095 then and not 65535, and read as a share of 65535 the picture is nearly black.
///
///     image::SampleNarrowing narrow(12);
///     narrow(4095);                          // 255

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace locus::image {

inline constexpr int least_sample_bits = 8, most_sample_bits = 16;

/// The largest value of so many bits.
inline unsigned white_of(int bits) { return (1U << static_cast<unsigned>(bits)) - 1; }

/// What the colours of a 16-bit picture are found to be; opacity does not count.
struct SampleDepth {
    std::uint16_t greatest = 0;
    std::uint16_t used = 0;  ///< the bits that are set in any sample

    /// Bits, where the file says; 16 where it says that the samples fill them.
    std::optional<int> said;

    /// Takes in the first `colors` samples of each of `pixels` pixels, which are `step` samples apart.
    void add(const std::uint16_t* samples, std::size_t pixels, std::size_t step, std::size_t colors);
};

/// 16-bit samples as 8 bits: v * 255 / white, rounded; what is beyond white is white.
class SampleNarrowing {
public:
    explicit SampleNarrowing(int bits);
    std::uint8_t operator()(std::uint16_t sample) const { return table_[sample]; }

private:
    std::vector<std::uint8_t> table_;
};

/// What PNG's sBIT chunk says of these samples. An encoder has to scale them up to 16 bits (PNG 3rd edition, 11.3.2.4),
/// which leaves nothing in the bits below; where something stands there, and nothing above, they were stored as they
/// are.
int bits_by_significance(const SampleDepth& depth, int significant_bits);

/// The bits that a file means which gives `white` as its samples' largest value: 8, 10, 12, 14 or 16.
int bits_by_maximum(double white);

/// What is to be said of a picture whose samples were taken to have `given` bits, 0 where nobody said: that they leave
/// most of the 16 bits empty, or are beyond the given ones; else nothing. `name` begins the sentence.
std::string depth_warning(const SampleDepth& depth, int given, const std::string& name);

/// What is to be said where `given` bits were said to be the samples' and no picture has any of 16.
std::string bits_remark(int given);

}  // namespace locus::image
