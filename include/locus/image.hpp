#pragma once

/// Pictures in memory and in files.
///
///     locus::Image photo = locus::read_image("cat.jpg");
///     locus::write_image("copy.png", photo);
///
/// Or from and to memory, of a camera's frame or OpenCV's, say, and as an answer's body:
///
///     locus::Image frame = locus::image_from_pixels(mat.data, mat.cols, mat.rows, mat.step, locus::PixelFormat::bgr);
///     std::vector<std::byte> body = locus::encode_jpeg(frame);

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace locus {

/// An upright RGB picture, 8 bits a channel, sRGB, rows from the top, pixels interleaved, no padding.
struct Image {
    int width = 0;                    ///< pixels
    int height = 0;                   ///< pixels
    std::vector<std::uint8_t> rgb{};  ///< width * height * 3 values

    /// Red, green and blue of column x and row y, both within the picture.
    std::uint8_t* pixel(int x, int y) { return rgb.data() + index(x, y); }
    const std::uint8_t* pixel(int x, int y) const { return rgb.data() + index(x, y); }

    /// Where `rgb` holds them.
    std::size_t index(int x, int y) const {
        return (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
    }
};

/// What the bytes of a pixel are, in their order in memory: 3, 4 or 1 of them.
enum class PixelFormat { rgb, bgr, rgba, bgra, gray };

/// A copy of pixels that somebody else holds: row y begins at `pixels + y * stride`. Grey becomes three equal channels;
/// transparent pixels are laid on white, as those of files are (alpha is not premultiplied). Throws Error(usage) for no
/// pixels, a side below 1 or a stride shorter than a row, Error(resource) where a side is above 65,535, there are more
/// than 500 million pixels or memory does not suffice.
Image image_from_pixels(const std::uint8_t* pixels, int width, int height, std::size_t stride, PixelFormat format);

/// Reads a picture file (JPEG, PNG, WebP, TIFF, BMP, GIF) into an upright image. Throws Error(image), Error(io),
/// Error(resource). Transparent pixels are laid on white; of a file with several pictures (an animation, the pages of a
/// TIFF) the first is read. `sample_bits`: how many bits the samples of a 16-bit PNG or TIFF use, 8 to 16; 12 where
/// white is 4095. 0: as the file says, else 16. Throws Error(usage) for other numbers.
Image read_image(const std::filesystem::path& file, int sample_bits = 0);

/// The same of a file's bytes in memory. Throws as well, but for Error(io).
Image read_image(std::span<const std::byte> file, int sample_bits = 0);

/// Writes a picture as .png, or as .jpg (.jpeg) of quality 90, by the name's ending; the file appears whole, and
/// folders that are missing with it. Throws Error(usage) for another ending, an image that holds
/// another number of values than its size says, and a JPEG with a side above 65,500; Error(io).
void write_image(const std::filesystem::path& file, const Image& image);

/// The bytes of a baseline JPEG file of quality 1 ... 100 (libjpeg's scale), colour at half resolution (4:2:0). Throws
/// Error(usage) for an image without pixels or with another number of values than its size says, another quality, or a
/// side above 65,500 pixels, which JPEG does not hold; Error(resource) where memory does not suffice.
std::vector<std::byte> encode_jpeg(const Image& image, int quality = 90);

/// The bytes of a PNG file of 8-bit RGB. Throws as encode_jpeg does for the image. The same picture gives the same
/// bytes, here and there.
std::vector<std::byte> encode_png(const Image& image);

}  // namespace locus
