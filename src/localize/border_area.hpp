#pragma once

/// The area that OpenCV's contourArea gives the outer contour of a component.

#include <cstddef>
#include <cstdint>

namespace locus::localize {

/// Twice the area of the polygon through the centres of the outer border's pixels, holes filled, of the 8-connected
/// component of pixels above `level` whose first pixel in reading order is `first`. Border following after Suzuki and
/// Abe 1985. Rows lie `stride` bytes apart; pixels round the component must be readable (a frame of zeros round the
/// map).
std::int64_t twice_border_area(const std::uint8_t* first, std::ptrdiff_t stride, int level);

}  // namespace locus::localize
