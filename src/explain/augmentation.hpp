#pragma once

/// Test-time augmentation: the mean of the maps of the image and its mirror image at the strengths 0.9, 1 and 1.1 (values multiplied, as
/// pytorch-grad-cam does), each mirrored back. The classes are those of the image itself.

#include "explain/method.hpp"

namespace locus::explain {

Prepared augmented(Prepared prepared, const Network& network);

/// Inputs [n, C, H, W] (or [n, H, W, C]) or maps [n, m, h, w], mirrored left to right.
Tensor mirrored(const Tensor& tensor, Layout layout);

}  // namespace locus::explain
