#pragma once

/// Image files made by the libraries that the formats come from, for tests of our reading them.

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gif_lib.h>
#include <jpeglib.h>
#include <png.h>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "locus/image.hpp"

namespace locus::image::sample {

using Bytes = std::vector<std::byte>;

// One by one: g++ 12 sees an overflow (-Wstringop-overflow) in the insertion of a range that is not there.
inline void append(Bytes& bytes, std::span<const std::byte> more) {
    for (const std::byte value : more) bytes.push_back(value);
}
inline void append(Bytes& bytes, std::string_view text) { append(bytes, std::as_bytes(std::span(text))); }

/// `count` bytes of a number, the lowest first or last.
inline void append_number(Bytes& bytes, std::uint64_t value, int count, bool big_endian = false) {
    for (int i = 0; i < count; ++i) {
        bytes.push_back(static_cast<std::byte>(value >> (8 * (big_endian ? count - 1 - i : i)) & 0xffU));
    }
}

/// Smooth, without symmetry: every corner and side tells itself from the others.
inline Image picture(int width, int height) {
    Image image{
        .width = width,
        .height = height,
        .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            std::uint8_t* pixel = image.pixel(x, y);
            pixel[0] = static_cast<std::uint8_t>(20 + 200 * x / width);
            pixel[1] = static_cast<std::uint8_t>(30 + 190 * y / height);
            pixel[2] = static_cast<std::uint8_t>(240 - 100 * (x + y) / (width + height));
        }
    }
    return image;
}

/// OpenCV's writers, by the extension.
inline Bytes by_opencv(const cv::Mat& pixels, const std::string& extension, const std::vector<int>& parameters = {}) {
    std::vector<unsigned char> out;
    cv::imencode(extension, pixels, out, parameters);
    const auto raw = std::as_bytes(std::span(out));
    return {raw.begin(), raw.end()};
}

inline cv::Mat bgr(const Image& image) {
    cv::Mat pixels(image.height, image.width, CV_8UC3);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const std::uint8_t* p = image.pixel(x, y);
            pixels.at<cv::Vec3b>(y, x) = {p[2], p[1], p[0]};
        }
    }
    return pixels;
}

/// A block of EXIF data with nothing but an orientation.
inline Bytes exif(int orientation, bool big_endian = false) {
    Bytes bytes;
    append(bytes, big_endian ? "MM" : "II");
    append_number(bytes, 42, 2, big_endian);
    append_number(bytes, 8, 4, big_endian);
    append_number(bytes, 1, 2, big_endian);
    append_number(bytes, 0x0112, 2, big_endian);
    append_number(bytes, 3, 2, big_endian);
    append_number(bytes, 1, 4, big_endian);
    append_number(bytes, static_cast<unsigned>(orientation), 2, big_endian);
    append_number(bytes, 0, 2, big_endian);
    append_number(bytes, 0, 4, big_endian);
    return bytes;
}

struct JpegOptions {
    int channels = 3;  ///< 1: grey, 3: RGB stored as YCbCr, 4: CMYK
    bool as_ycck = false;
    bool adobe = true;  ///< writes Adobe's marker
    bool progressive = false;
    bool arithmetic = false;  ///< coded so, in place of Huffman's way
    int orientation = 0;      ///< written as EXIF where not 0
    bool scan_per_coefficient = false;
};

/// `samples` are width * height * channels values, written at quality 95 without subsampling.
inline Bytes jpeg(int width, int height, const std::vector<std::uint8_t>& samples, const JpegOptions& options = {}) {
    jpeg_compress_struct codec{};
    jpeg_error_mgr errors{};
    codec.err = jpeg_std_error(&errors);
    jpeg_create_compress(&codec);
    unsigned char* out = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&codec, &out, &size);
    codec.image_width = static_cast<unsigned>(width);
    codec.image_height = static_cast<unsigned>(height);
    codec.input_components = options.channels;
    codec.in_color_space = options.channels == 1 ? JCS_GRAYSCALE : options.channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&codec);
    if (options.channels == 4) jpeg_set_colorspace(&codec, options.as_ycck ? JCS_YCCK : JCS_CMYK);
    jpeg_set_quality(&codec, 95, TRUE);
    for (int c = 0; c < codec.num_components; ++c)
        codec.comp_info[c].h_samp_factor = codec.comp_info[c].v_samp_factor = 1;
    if (options.channels == 4 && !options.adobe) codec.write_Adobe_marker = FALSE;
    codec.arith_code = options.arithmetic ? TRUE : FALSE;
    if (options.progressive) jpeg_simple_progression(&codec);
    std::vector<jpeg_scan_info> scans;
    if (options.scan_per_coefficient) {
        jpeg_scan_info first{};
        first.comps_in_scan = codec.num_components;
        for (int c = 0; c < codec.num_components; ++c) first.component_index[c] = c;
        scans.push_back(first);
        for (int c = 0; c < codec.num_components; ++c) {
            for (int k = 1; k < 64; ++k) {
                jpeg_scan_info scan{};
                scan.comps_in_scan = 1;
                scan.component_index[0] = c;
                scan.Ss = scan.Se = k;
                scans.push_back(scan);
            }
        }
        codec.scan_info = scans.data();
        codec.num_scans = static_cast<int>(scans.size());
    }
    jpeg_start_compress(&codec, TRUE);
    if (options.orientation != 0) {
        Bytes marker;
        append(marker, std::string_view("Exif\0\0", 6));
        const Bytes data = exif(options.orientation, options.orientation % 2 == 0);
        append(marker, data);
        jpeg_write_marker(&codec, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(marker.data()),
                          static_cast<unsigned>(marker.size()));
    }
    const std::size_t stride = static_cast<std::size_t>(width) * static_cast<std::size_t>(options.channels);
    while (codec.next_scanline < codec.image_height) {
        auto* row = const_cast<unsigned char*>(samples.data() + codec.next_scanline * stride);
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    const auto raw = std::as_bytes(std::span(out, size));
    Bytes bytes(raw.begin(), raw.end());
    jpeg_destroy_compress(&codec);
    std::free(out);
    return bytes;
}

inline Bytes jpeg(const Image& image, const JpegOptions& options = {}) {
    return jpeg(image.width, image.height, image.rgb, options);
}

/// A PNG by libpng: `set_up` sets IHDR and what else stands before the pixels. Rows are `row_bytes` long.
inline Bytes png(const std::vector<std::uint8_t>& rows, std::size_t row_bytes,
                 const std::function<void(png_structp, png_infop)>& set_up) {
    Bytes bytes;
    png_structp codec = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(codec);
    png_set_write_fn(
        codec, &bytes,
        [](png_structp self, png_bytep data, std::size_t count) {
            auto& target = *static_cast<Bytes*>(png_get_io_ptr(self));
            append(target, std::as_bytes(std::span(data, count)));
        },
        nullptr);
    set_up(codec, info);
    png_write_info(codec, info);
    const int passes = png_set_interlace_handling(codec);
    for (int pass = 0; pass < passes; ++pass) {
        for (std::size_t at = 0; at < rows.size(); at += row_bytes) png_write_row(codec, rows.data() + at);
    }
    png_write_end(codec, info);
    png_destroy_write_struct(&codec, &info);
    return bytes;
}

inline std::function<void(png_structp, png_infop)> png_of(int width, int height, int bits, int color_type,
                                                          int interlace = PNG_INTERLACE_NONE) {
    return [=](png_structp codec, png_infop info) {
        png_set_IHDR(codec, info, static_cast<unsigned>(width), static_cast<unsigned>(height), bits, color_type,
                     interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    };
}

struct GifOptions {
    int screen_width = 0, screen_height = 0;  ///< 0: the frame's
    int left = 0, top = 0;
    int transparent = -1;
    bool interlaced = false;
};

/// A GIF of one frame with four colours: black, red, green, blue.
inline Bytes gif(int width, int height, const std::vector<std::uint8_t>& indices, const GifOptions& options = {}) {
    Bytes bytes;
    int error = 0;
    GifFileType* file = EGifOpen(
        &bytes,
        [](GifFileType* self, const GifByteType* data, int count) {
            auto& target = *static_cast<Bytes*>(self->UserData);
            append(target, std::as_bytes(std::span(data, static_cast<std::size_t>(count))));
            return count;
        },
        &error);
    const GifColorType colors[4] = {{0, 0, 0}, {255, 0, 0}, {0, 255, 0}, {0, 0, 255}};
    ColorMapObject* map = GifMakeMapObject(4, colors);
    EGifSetGifVersion(file, true);
    EGifPutScreenDesc(file, options.screen_width > 0 ? options.screen_width : width,
                      options.screen_height > 0 ? options.screen_height : height, 2, 0, map);
    if (options.transparent >= 0) {
        GraphicsControlBlock control{};
        control.TransparentColor = options.transparent;
        GifByteType block[4];
        EGifGCBToExtension(&control, block);
        EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, 4, block);
    }
    EGifPutImageDesc(file, options.left, options.top, width, height, options.interlaced, nullptr);
    std::vector<std::uint8_t> line(static_cast<std::size_t>(width));
    const auto put = [&](int y) {
        std::memcpy(line.data(), indices.data() + static_cast<std::size_t>(y) * line.size(), line.size());
        EGifPutLine(file, line.data(), width);
    };
    if (options.interlaced) {
        for (int y = 0; y < height; y += 8) put(y);
        for (int y = 4; y < height; y += 8) put(y);
        for (int y = 2; y < height; y += 4) put(y);
        for (int y = 1; y < height; y += 2) put(y);
    } else {
        for (int y = 0; y < height; ++y) put(y);
    }
    EGifCloseFile(file, &error);
    GifFreeMapObject(map);
    return bytes;
}

struct TiffOptions {
    bool big_endian = false;
    bool big_tiff = false;
    int bits = 8;
    int orientation = 1;
    unsigned compression = 1;
    bool is_grey = false;  ///< of the picture's red alone; with an extra sample, little-endian and classic
    std::optional<unsigned> extra_sample;  ///< 0: unspecified, 1: associated alpha, 2: unassociated alpha
    std::uint8_t alpha = 255;              ///< of every pixel, where there is an extra sample
    unsigned sample_format = 1;  ///< of every sample in a classic file: 1: unsigned, 2: signed, 3: floating point
    std::optional<Bytes> strip;  ///< the file's data, where they are not the picture's pixels
    std::optional<std::uint16_t> greatest_sample;  ///< written as SMaxSampleValue, of one SHORT, in a classic file
};

/// An uncompressed RGB TIFF written by hand from TIFF 6.0: the directory, then one strip of pixels. 16-bit samples are
/// 257 times the picture's.
inline Bytes tiff(const Image& image, const TiffOptions& options = {}) {
    const bool big = options.big_endian;
    const int word = options.big_tiff ? 8 : 4;
    Bytes bytes;
    append(bytes, big ? "MM" : "II");
    append_number(bytes, options.big_tiff ? 43 : 42, 2, big);
    if (options.big_tiff) {
        append_number(bytes, 8, 2, big);
        append_number(bytes, 0, 2, big);
    }
    append_number(bytes, options.big_tiff ? 16 : 8, word, big);
    const int colours = options.is_grey ? 1 : 3;
    const int samples = colours + (options.extra_sample ? 1 : 0);
    const int entries =
        10 + (options.extra_sample ? 1 : 0) + (options.sample_format != 1 ? 1 : 0) + (options.greatest_sample ? 1 : 0);
    const int count_bytes = options.big_tiff ? 8 : 2;
    const std::uint64_t after = bytes.size() + static_cast<std::size_t>(count_bytes + entries * (4 + 2 * word) + word);
    const std::uint64_t bits_at = after;  // SHORTs, one a sample: in the entry itself where 8 bytes fit, else here
    const std::uint64_t formats_at = bits_at + static_cast<std::uint64_t>(2 * samples);
    const std::uint64_t pixels_at = formats_at + static_cast<std::uint64_t>(2 * samples);
    const std::uint64_t size = options.strip
                                   ? options.strip->size()
                                   : image.rgb.size() / 3 * static_cast<std::size_t>(samples * options.bits / 8);
    append_number(bytes, entries, count_bytes, big);
    const auto entry = [&](unsigned tag, unsigned type, std::uint64_t count, std::uint64_t value) {
        append_number(bytes, tag, 2, big);
        append_number(bytes, type, 2, big);
        append_number(bytes, count, word, big);
        const int width = type == 3 && count == 1 ? 2 : type == 16 ? 8 : 4;
        append_number(bytes, value, width, big);
        for (int i = width; i < word; ++i) bytes.push_back(std::byte{0});
    };
    entry(256, 4, 1, static_cast<unsigned>(image.width));
    entry(257, 4, 1, static_cast<unsigned>(image.height));
    if (options.big_tiff) {
        append_number(bytes, 258, 2, big);
        append_number(bytes, 3, 2, big);
        append_number(bytes, static_cast<unsigned>(samples), 8, big);
        for (int c = 0; c < 4; ++c) append_number(bytes, c < samples ? static_cast<unsigned>(options.bits) : 0, 2, big);
    } else if (samples <= 2) {  // in the entry itself
        entry(258, 3, static_cast<unsigned>(samples), static_cast<unsigned>(options.bits) * 0x10001U);
    } else {
        entry(258, 3, static_cast<unsigned>(samples), bits_at);
    }
    entry(259, 3, 1, options.compression);
    entry(262, 3, 1, options.is_grey ? 1 : 2);
    entry(273, options.big_tiff ? 16 : 4, 1, pixels_at);
    entry(274, 3, 1, static_cast<unsigned>(options.orientation));
    entry(277, 3, 1, static_cast<unsigned>(samples));
    entry(278, 4, 1, static_cast<unsigned>(image.height));
    entry(279, options.big_tiff ? 16 : 4, 1, size);
    if (options.extra_sample) entry(338, 3, 1, *options.extra_sample);
    if (options.sample_format != 1) entry(339, 3, static_cast<unsigned>(samples), formats_at);
    if (options.greatest_sample) entry(341, 3, 1, *options.greatest_sample);
    append_number(bytes, 0, word, big);
    for (int c = 0; c < samples; ++c) append_number(bytes, static_cast<unsigned>(options.bits), 2, big);
    for (int c = 0; c < samples; ++c) append_number(bytes, options.sample_format, 2, big);
    if (options.strip) {
        append(bytes, *options.strip);
        return bytes;
    }
    const auto append_sample = [&](std::uint8_t value) {
        if (options.bits == 16)
            append_number(bytes, value * 257U, 2, big);
        else
            bytes.push_back(static_cast<std::byte>(value));
    };
    for (std::size_t i = 0; i < image.rgb.size(); ++i) {
        if (!options.is_grey || i % 3 == 0) append_sample(image.rgb[i]);
        if (options.extra_sample && i % 3 == 2) append_sample(options.alpha);
    }
    return bytes;
}

/// The chunk of a RIFF file.
inline Bytes riff_chunk(std::string_view name, const Bytes& data) {
    Bytes chunk;
    append(chunk, name);
    append_number(chunk, data.size(), 4);
    append(chunk, data);
    if (data.size() % 2 != 0) chunk.push_back(std::byte{0});
    return chunk;
}

/// A WebP file of a canvas and chunks.
inline Bytes extended_webp(int width, int height, unsigned flags, const std::vector<Bytes>& chunks) {
    Bytes canvas;
    append_number(canvas, flags, 4);
    append_number(canvas, static_cast<unsigned>(width - 1), 3);
    append_number(canvas, static_cast<unsigned>(height - 1), 3);
    Bytes body = riff_chunk("VP8X", canvas);
    for (const Bytes& chunk : chunks) append(body, chunk);
    Bytes bytes;
    append(bytes, "RIFF");
    append_number(bytes, body.size() + 4, 4);
    append(bytes, "WEBP");
    append(bytes, body);
    return bytes;
}

/// The pixels' chunk of a simple WebP file.
inline Bytes webp_bitstream(const Bytes& file) { return {file.begin() + 12, file.end()}; }

}  // namespace locus::image::sample
