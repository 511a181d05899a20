#pragma once

/// How a photo is varied before the network sees it.
///
///     train::Random random(seed, epoch, sample);
///     train::augment(photo, {.min_area = 0.35}, flip, 64, preprocessing, random, plane);   // float [3, 64, 64]
///
/// Everything drawn comes from `random`, in a fixed order.

#include <cstdint>

#include "locus/image.hpp"
#include "locus/preprocessing.hpp"
#include "train/random.hpp"

namespace locus::train {

struct Augmentation {
    double min_area =
        0.35;  ///< random resized crop: least share of the photo's area that is kept; 1: the whole photo, squashed
    double max_aspect = 4.0 / 3;  ///< of the crop, and its reciprocal
    int padding =
        0;  ///< pixels: instead of the above, a crop of the photo's own size out of the photo with a black margin
    bool flip = true;  ///< left to right, in half of the cases
    /// The flip of a sample alternates from epoch to epoch, so that two epochs show each photo both ways (Jordan 2024,
    /// "94% on CIFAR-10 in 3.29 seconds").
    bool alternate_flips = false;
    double jitter = 0;  ///< brightness, contrast and saturation are multiplied by 1 - jitter ... 1 + jitter
    double erase =
        0;  ///< probability that a rectangle (2 % to a third of the area) is filled with noise (Zhong et al. 2017)
};

/// Writes one varied photo as float [3, size, size], preprocessed (mean, std, colour order; not its size). `flip` is
/// whether this one is mirrored.
void augment(const Image& photo, const Augmentation& how, bool flip, int size, const Preprocessing& preprocessing,
             Random& random, float* out);

/// Whether a sample is mirrored in an epoch.
bool is_flipped(const Augmentation& how, std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample);

}  // namespace locus::train
