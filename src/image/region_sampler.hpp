#pragma once

/// A part of a picture at another size, row by row.
///
///     image::RegionSampler sampler(picture, region, 224, 224);
///     for (int y = 0; y < 224; ++y) use(sampler.row(y));

#include <cstddef>
#include <vector>

#include "image/resampling.hpp"
#include "locus/image.hpp"
#include "locus/preprocessing.hpp"

namespace locus::image {

/// Eight floats of a row of interleaved RGB, two pixels and more.
using TwoPixels = float __attribute__((vector_size(32)));

/// Taps of all pixels of a row, all as many, in pairs: the weights of a pair are w0 w0 w0 w1 w1 w1 0 0.
struct PairedTaps {
    std::vector<int> first;  ///< source pixel of each output pixel's first tap
    std::vector<TwoPixels> weights;
    int pairs = 0;  ///< an output pixel
};

/// Antialiased when shrinking, bilinear when enlarging (image/resampling.hpp). The picture must outlive it.
class RegionSampler {
public:
    /// `region`, in pixels of the picture, becomes width x height. All sides at least 1.
    RegionSampler(const Image& image, const Region& region, int width, int height);

    /// Row y of the result: red, green, blue (0 ... 255, not rounded) and one value without meaning for each pixel.
    /// Valid until the next call.
    const float* row(int y);

private:
    const Image& image_;
    Resampling rows_;
    PairedTaps columns_;
    int begin_ = 0;             ///< the first source column that counts
    std::size_t values_ = 0;    ///< of the source columns that count
    std::vector<float> mixed_;  ///< source rows mixed to one, those columns alone
    std::vector<float> pixels_;
};

}  // namespace locus::image
