#include "localize/extremes.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "vectorised.hpp"

namespace locus::localize {
namespace {

LOCUS_VECTORISED
Extremes extremes_of(std::span<const float> values, Extremes so_far) {
    constexpr std::size_t lanes = 16;  // independent extremes, which the compiler turns into vector instructions
    constexpr float infinity = std::numeric_limits<float>::infinity();
    std::array<float, lanes> least;
    std::array<float, lanes> greatest;
    least.fill(so_far.least);
    greatest.fill(so_far.greatest);
    std::size_t i = 0;
    for (; i + lanes <= values.size(); i += lanes) {
        for (std::size_t k = 0; k < lanes; ++k) {
            // Comparisons with NaN are false.
            const bool is_finite = std::abs(values[i + k]) < infinity;
            const float low = is_finite ? values[i + k] : least[k];
            const float high = is_finite ? values[i + k] : greatest[k];
            least[k] = low < least[k] ? low : least[k];
            greatest[k] = high > greatest[k] ? high : greatest[k];
        }
    }
    for (; i < values.size(); ++i) {
        if (!(std::abs(values[i]) < infinity)) continue;
        least[0] = std::min(least[0], values[i]);
        greatest[0] = std::max(greatest[0], values[i]);
    }
    return {*std::min_element(least.begin(), least.end()), *std::max_element(greatest.begin(), greatest.end())};
}

}  // namespace

void Extremes::take(std::span<const float> values) { *this = extremes_of(values, *this); }

}  // namespace locus::localize
