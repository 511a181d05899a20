#pragma once

#include "locus/image.hpp"

namespace locus::image {

/// Throws Error(usage) unless the picture holds three values a pixel, of at least one pixel.
void require_pixels(const Image& picture);

}  // namespace locus::image
