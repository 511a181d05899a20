#pragma once

/// The floating-point formats of 16 and 8 bits that ONNX has and C++ has not, to float and back. Rounding is to nearest, ties to even.

#include <cstdint>

namespace locus::model {

float half_to_float(std::uint16_t half);
std::uint16_t float_to_half(float value);

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
