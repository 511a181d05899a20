#pragma once

/// One map out of several layers' maps.
///
///     Tensor map = explain::fused({deep, middle}, explain::Fusion::max, 224, 224);     // [n, h, w] each, any sizes

#include <vector>

#include "explain/method.hpp"

namespace locus::explain {

/// Maps [n, h, w] of any sizes as one, its values in 0..1: [n, height, width] for the mean, at the largest map's size
/// for the others (see Fusion). Resizing is bilinear with half-pixel centres.
Tensor fused(const std::vector<Tensor>& maps, Fusion fusion, std::int64_t height, std::int64_t width);

/// Bilinear resize of maps [n, h, w]; edges of the map lie on edges of the result (`align_corners`: the outermost
/// centres do instead).
Tensor resized_maps(const Tensor& maps, std::int64_t height, std::int64_t width, bool align_corners = false);

}  // namespace locus::explain
