#pragma once

/// Turning pictures upright.

#include "locus/image.hpp"

namespace locus::image {

/// Whether this EXIF orientation (1 ... 8; CIPA DC-008, tag 0x0112) exchanges width and height.
constexpr bool swaps_sides(int orientation) { return orientation >= 5; }

/// The picture as it is to be looked at, of pixels stored under `orientation`; 1 gives it back as it is.
Image upright(Image stored, int orientation);

}  // namespace locus::image
