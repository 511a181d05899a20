#pragma once

/// Test-time augmentation: the mean of the maps of the image and its mirror image at the strengths 0.9, 1 and 1.1
/// (values multiplied, as pytorch-grad-cam does), each mirrored back. The classes are those of the image itself.

#include <functional>
#include <vector>

#include "explain/method.hpp"

namespace locus::explain {

using ExplainAll = std::function<std::vector<Attribution>(const Tensor& inputs, const ClassSelection& classes)>;

/// What `explain` (one attribution a method) gives for the inputs, with their maps averaged.
std::vector<Attribution> augmented(const ExplainAll& explain, Layout layout, const Tensor& inputs,
                                   const ClassSelection& classes);

/// Inputs [n, C, H, W] (or [n, H, W, C]) or maps [n, m, h, w], mirrored left to right.
Tensor mirrored(const Tensor& tensor, Layout layout);

}  // namespace locus::explain
