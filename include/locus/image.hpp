#pragma once

/// Pictures in memory and in files.
///
///     locus::Image photo = locus::read_image("cat.jpg");
///     locus::write_image("copy.png", photo);

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace locus {

/// An upright RGB picture, 8 bits a channel, sRGB, rows from the top, pixels interleaved, no padding.
struct Image {
    int width = 0;                  ///< pixels
    int height = 0;                 ///< pixels
    std::vector<std::uint8_t> rgb;  ///< width * height * 3 values

    std::uint8_t* pixel(int x, int y) { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
    const std::uint8_t* pixel(int x, int y) const { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
};

/// Reads a picture file (JPEG, PNG, WebP, TIFF, BMP, GIF) into an upright image. Throws Error(image), Error(io),
/// Error(resource). Transparent pixels are laid on white; of a file with several pictures (an animation, the pages of a
/// TIFF) the first is read. `sample_bits`: how many bits the samples of a 16-bit PNG or TIFF use, 8 to 16; 12 where
/// white is 4095. 0: as the file says, else 16. Throws Error(usage) for other numbers.
Image read_image(const std::filesystem::path& file, int sample_bits = 0);

/// Writes a picture as .png, or as .jpg (.jpeg) of quality 90, by the name's ending; the file appears whole, and
/// folders that are missing with it. Throws Error(usage) for another ending, an image that holds
/// another number of values than its size says, and a JPEG with a side above 65,500; Error(io).
void write_image(const std::filesystem::path& file, const Image& image);

}  // namespace locus
