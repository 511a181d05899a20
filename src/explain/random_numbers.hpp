#pragma once

/// Random numbers that are the same with every compiler and library: the standard's distributions are not.
///
///     std::mt19937_64 random(seed);
///     double u = explain::uniform(random), z = explain::normal(random);

#include <cmath>
#include <numbers>
#include <random>

namespace locus::explain {

/// In [0, 1).
inline double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1.0p-53; }

/// Mean 0, standard deviation 1 (Box & Muller 1958).
inline double normal(std::mt19937_64& random) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform(random)));
    return radius * std::cos(2.0 * std::numbers::pi * uniform(random));
}

}  // namespace locus::explain
