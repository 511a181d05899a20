#pragma once

/// Pictures at other sizes.

#include "locus/image.hpp"

namespace locus::image {

/// The picture at this size: antialiased when shrinking, bilinear when enlarging (image/resampling.hpp). Throws
/// Error(usage) for an empty picture or sides outside 1 ... 16,384.
Image resized(const Image& picture, int width, int height);

/// The picture with its longer side at most `longest_side`, and at least 0.8 of that; as it is where it is small
/// enough.
Image preview(const Image& picture, int longest_side);

}  // namespace locus::image
