#include "evaluate/shown_map.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace locus::evaluate {

Map upright_map(const explain::Attribution& attribution, std::size_t item) {
    const Shape& shape = attribution.maps.shape();  // [items, classes, height, width]
    const auto classes = static_cast<std::size_t>(shape[1]);
    const auto positions = static_cast<std::size_t>(shape[2] * shape[3]);
    const auto values = attribution.maps.values<float>().subspan(item * classes * positions, positions);
    Map map{static_cast<int>(shape[3]), static_cast<int>(shape[2]), {values.begin(), values.end()}};
    if (!attribution.signs.empty() && attribution.signs[item * classes] < 0) {
        for (float& value : map.values) value = -value;
    }
    return map;
}

Map evidence_of(const Map& upright, explain::FinalMap rule) {
    float none = 0;
    if (rule == explain::FinalMap::min_max) {
        none = std::numeric_limits<float>::max();
        for (const float value : upright.values) none = std::isfinite(value) ? std::min(none, value) : none;
    }
    Map map = upright;
    for (float& value : map.values) value = std::isfinite(value) ? std::max(value - none, 0.0F) : 0.0F;
    return map;
}

Map shown_map(const Map& upright, explain::FinalMap rule) {
    Map map = evidence_of(upright, rule);
    const float greatest = map.values.empty() ? 0 : *std::max_element(map.values.begin(), map.values.end());
    if (greatest > 0) {
        for (float& value : map.values) value /= greatest;
    }
    return map;
}

}  // namespace locus::evaluate
