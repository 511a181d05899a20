#pragma once

/// The range of a map's values.

#include <limits>
#include <span>

namespace locus::localize {

/// The least and the greatest finite value; NaN and infinities do not count. Until there was one: infinity and minus
/// infinity.
struct Extremes {
    float least = std::numeric_limits<float>::infinity();
    float greatest = -std::numeric_limits<float>::infinity();

    void take(std::span<const float> values);
    bool is_empty() const { return greatest < least; }
};

}  // namespace locus::localize
