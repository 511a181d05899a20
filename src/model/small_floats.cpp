#include "model/small_floats.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace locus::model {

float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000U) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1fU;
    const std::uint32_t mantissa = half & 0x3ffU;
    if (exponent == 0) {
        const float value = static_cast<float>(mantissa) * 0x1p-24F;
        return sign ? -value : value;
    }
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000U | (mantissa << 13));
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

float bfloat_to_float(std::uint16_t bfloat) { return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16); }

std::uint16_t float_to_bfloat(float value) {
    const std::uint32_t u = std::bit_cast<std::uint32_t>(value);
    if ((u & 0x7fffffffU) > 0x7f800000U) return static_cast<std::uint16_t>((u >> 16) | 0x40U);
    return static_cast<std::uint16_t>((u + 0x7fffU + ((u >> 16) & 1U)) >> 16);
}

float float8_to_float(std::uint8_t byte, const Float8Format& format) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    if (format.unsigned_zero && byte == 0x80) return nan;
    const int mantissa = byte & ((1 << format.mantissa_bits) - 1);
    const int exponent = (byte & 0x7f) >> format.mantissa_bits;
    const float sign = (byte & 0x80) ? -1.0F : 1.0F;
    if (!format.unsigned_zero) {
        if (format.finite && (byte & 0x7f) == 0x7f) return nan;
        if (!format.finite && exponent == (0x7f >> format.mantissa_bits)) {
            return mantissa == 0 ? sign * std::numeric_limits<float>::infinity() : nan;
        }
    }
    const int significand = exponent == 0 ? mantissa : mantissa | (1 << format.mantissa_bits);
    const int power = std::max(exponent, 1) - format.bias - format.mantissa_bits;
    return sign * std::ldexp(static_cast<float>(significand), power);
}

}  // namespace locus::model
