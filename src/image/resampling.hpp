#pragma once

/// Which source pixels make up an output pixel along one axis, and with which weights.
///
/// Pillow's algorithm (its `Resample.c`, documented under "Filters" of its Image module), in the numbers of which
/// output pixel i of `count`, sampling [origin, origin + extent) of a source of `size` pixels, is
///
///     scale = extent / count,   center = origin + (i + 0.5) scale,   support = max(scale, 1)
///     weight of source pixel j = max(0, 1 - |j + 0.5 - center| / support), normalised to sum 1
///     over j = int(center - support + 0.5) ... int(center + support + 0.5) - 1, cut to 0 ... size - 1
///
/// Where scale <= 1 that is bilinear interpolation with half-pixel centres, the edges extended outwards; where it is
/// larger, the triangle is stretched to cover every source pixel, which is what antialiases. Pixels beyond the sampled
/// part but within the source count, so that sampling a part equals resizing the whole and cropping. Pillow keeps 8-bit
/// pictures in 8 bits between its two passes and rounds weights to 22 bits; we compute in float32 throughout and do not
/// round.

#include <vector>

namespace locus::image {

struct Taps {
    int first = 0;    ///< source pixel of the first weight
    int count = 0;    ///< at least 1
    int weights = 0;  ///< where they begin in Resampling::weights
};

struct Resampling {
    std::vector<Taps> taps;      ///< one an output pixel
    std::vector<float> weights;  ///< of all of them; each pixel's sum to 1

    int begin() const { return taps.front().first; }                   ///< the first source pixel that counts
    int end() const { return taps.back().first + taps.back().count; }  ///< one past the last
};

/// All sides at least 1 and extent > 0.
Resampling triangle_filter(int size, double origin, double extent, int count);

}  // namespace locus::image
