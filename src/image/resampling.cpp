#include "image/resampling.hpp"

#include <algorithm>
#include <cmath>

namespace locus::image {

Resampling triangle_filter(int size, double origin, double extent, int count) {
    Resampling resampling;
    resampling.taps.reserve(static_cast<std::size_t>(count));
    const double scale = extent / count;
    const double support = std::max(scale, 1.0);
    std::vector<double> weights;
    for (int i = 0; i < count; ++i) {
        const double center = origin + (i + 0.5) * scale;
        const int first = std::clamp(static_cast<int>(center - support + 0.5), 0, size - 1);
        const int last = std::clamp(static_cast<int>(center + support + 0.5), first + 1, size);
        weights.clear();
        double sum = 0;
        for (int j = first; j < last; ++j) {
            weights.push_back(std::max(0.0, 1.0 - std::abs(j + 0.5 - center) / support));
            sum += weights.back();
        }
        resampling.taps.push_back({first, last - first, static_cast<int>(resampling.weights.size())});
        for (const double weight : weights)
            resampling.weights.push_back(static_cast<float>(sum > 0 ? weight / sum : 1.0 / (last - first)));
    }
    return resampling;
}

}  // namespace locus::image
