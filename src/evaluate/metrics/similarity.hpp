#pragma once

/// How alike two maps are: for the sanity check of Adebayo et al. 2018, where the map of a network with random weights
/// should not be.

#include <span>

#include "locus/map.hpp"

namespace locus::evaluate {

/// Spearman's rank correlation, -1 ... 1; equal values share their mean rank. 0 where one side is constant. Throws
/// Error(usage) where the numbers of values differ or are below 2.
double rank_correlation(std::span<const float> a, std::span<const float> b);

/// Structural similarity (Wang et al. 2004), -1 ... 1: mean over pixels, Gaussian window of deviation 1.5 and 11 taps,
/// values 0 ... 1. Throws Error(usage) where sizes differ.
double structural_similarity(const Map& a, const Map& b);

}  // namespace locus::evaluate
