#pragma once

/// Numbers as results.json writes them.

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace locus::report {

/// The shortest decimal that reads back as the same float32, as a double that prints so. Readers may go by way of a
/// double: where that rounds the wrong way (7.038531e-26 is the best known case), all digits are given.
inline double shortest_decimal(float value) {
    char text[32];
    const auto written = std::to_chars(text, text + sizeof text, value);
    double decimal = 0;
    std::from_chars(text, written.ptr, decimal);
    return static_cast<float>(decimal) == value ? decimal : static_cast<double>(value);
}

/// null for NaN and infinities; see results_json.hpp for the digits.
inline nlohmann::ordered_json json_number(double value) {
    if (!std::isfinite(value)) return nullptr;
    const auto narrow = static_cast<float>(value);
    return static_cast<double>(narrow) == value ? shortest_decimal(narrow) : value;
}

}  // namespace locus::report
