#pragma once

/// The floating-point formats of 16 and 8 bits that ONNX has and C++ has not, to float and back. Rounding is to
/// nearest, ties to even.

#include <bit>
#include <cstdint>

namespace locus::model {

float half_to_float(std::uint16_t half);

/// Beyond 65504 infinite. Here, because preprocessing calls it for each value.
inline std::uint16_t float_to_half(float value) {
    std::uint32_t u = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>((u >> 16) & 0x8000U);
    u &= 0x7fffffffU;
    if (u > 0x7f800000U) return sign | 0x7e00U;
    if (u >= 0x47800000U) return sign | 0x7c00U;  // 65536 and above, infinity included
    if (u < 0x38800000U) {
        // Below 2^-14 halves are multiples of 2^-24, which is one ulp of 0.5: adding 0.5 rounds as wanted.
        const float shifted = std::bit_cast<float>(u) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
    }
    u += 0xfffU + ((u >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((u - 0x38000000U) >> 13));
}

float bfloat_to_float(std::uint16_t bfloat);
std::uint16_t float_to_bfloat(float value);

/// The 8-bit floats: "fn" has no infinity, "uz" has no negative zero and its pattern 0x80 for NaN.
struct Float8Format {
    int mantissa_bits;
    int bias;
    bool finite;
    bool unsigned_zero;
};

float float8_to_float(std::uint8_t byte, const Float8Format& format);

}  // namespace locus::model
