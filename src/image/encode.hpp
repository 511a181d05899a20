#pragma once

/// Pictures as the bytes of image files.
///
///     files::write_file_atomically("overlay.jpg", image::encode_jpeg(picture));
///
/// The same picture gives the same bytes. All functions may be called from several threads at once.

#include <cstddef>
#include <vector>

#include "locus/image.hpp"

namespace locus::image {

/// A baseline JPEG of quality 1 ... 100 (libjpeg's scale), colour at half resolution (4:2:0). Throws Error(usage) for
/// an empty picture, another quality, or a side above 65,500 pixels, which JPEG does not hold.
std::vector<std::byte> encode_jpeg(const Image& picture, int quality = 90);

/// A PNG of 8-bit RGB. Throws Error(usage) for an empty picture.
std::vector<std::byte> encode_png(const Image& picture);

}  // namespace locus::image
