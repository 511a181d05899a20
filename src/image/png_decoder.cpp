#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <fmt/core.h>
#include <png.h>

#include "image/decoders.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

// libpng reports errors through a callback that must not return: it jumps back into the functions below, whose frames
// therefore hold nothing with a destructor.

struct Reader {
    png_structp codec = nullptr;
    png_infop info = nullptr;
    std::jmp_buf out{};
    std::span<const std::byte> rest;
    bool reached_end = false;
    char message[128] = "";
    ~Reader() { png_destroy_read_struct(&codec, &info, nullptr); }
};

[[noreturn]] void on_error(png_structp codec, png_const_charp message) {
    auto& reader = *static_cast<Reader*>(png_get_error_ptr(codec));
    std::snprintf(static_cast<char*>(reader.message), sizeof reader.message, "%s", message);
    std::longjmp(reader.out, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp codec, png_bytep target, std::size_t count) {
    auto& reader = *static_cast<Reader*>(png_get_io_ptr(codec));
    if (count > reader.rest.size()) {
        reader.reached_end = true;
        png_error(codec, "too few bytes");
    }
    std::memcpy(target, reader.rest.data(), count);
    reader.rest = reader.rest.subspan(count);
}

/// Everything up to the pixels; afterwards rows come as RGB or RGBA of 8 bits.
bool start(Reader& reader) {
    if (setjmp(reader.out) != 0) return false;
    png_set_read_fn(reader.codec, &reader, on_read);
    png_set_user_limits(reader.codec, 0x7fffffff, 0x7fffffff);  // ours were applied to the header
    png_read_info(reader.codec, reader.info);
    png_set_expand(reader.codec);  // palettes, fewer than 8 bits, tRNS
    png_set_scale_16(reader.codec);
    png_set_gray_to_rgb(reader.codec);
    return true;
}

int update(Reader& reader) {
    if (setjmp(reader.out) != 0) return 0;
    const int passes = png_set_interlace_handling(reader.codec);
    png_read_update_info(reader.codec, reader.info);
    return passes;
}

/// The next row of the picture into this place.
bool read_row(Reader& reader, unsigned char* row) {
    if (setjmp(reader.out) != 0) return false;
    png_read_row(reader.codec, row, nullptr);
    return true;
}

bool read_pass(Reader& reader, unsigned char* pixels, std::size_t stride, std::size_t rows) {
    if (setjmp(reader.out) != 0) return false;
    for (std::size_t y = 0; y < rows; ++y) png_read_row(reader.codec, pixels + y * stride, nullptr);
    return true;
}

bool finish(Reader& reader) {
    if (setjmp(reader.out) != 0) return false;
    png_read_end(reader.codec, nullptr);
    return true;
}

[[noreturn]] void fail(const Reader& reader, const Source& source) {
    if (reader.reached_end) {
        throw Error(ErrorKind::image, fmt::format("{} is truncated: its {} bytes end before the PNG picture does",
                                                  source.name, source.bytes.size()));
    }
    throw Error(ErrorKind::image, fmt::format("{} is a damaged PNG file: {}", source.name,
                                              std::string_view(static_cast<const char*>(reader.message))));
}

void composite_row(const unsigned char* rgba, unsigned char* rgb, std::size_t pixels) {
    for (std::size_t x = 0; x < pixels; ++x) {
        for (std::size_t c = 0; c < 3; ++c) rgb[3 * x + c] = on_white(rgba[4 * x + c], rgba[4 * x + 3]);
    }
}

}  // namespace

Decoded decode_png(const Source& source, const Header& header) {
    Reader reader;
    reader.rest = source.bytes;
    reader.codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
    if (reader.codec != nullptr) reader.info = png_create_info_struct(reader.codec);
    if (reader.info == nullptr) throw std::bad_alloc();
    if (!start(reader)) fail(reader, source);

    // Deflate shrinks by at most 1032: a small file cannot hold a large picture (zlib's technical details, "Maximum
    // Compression Factor").
    const std::size_t stored_row = png_get_rowbytes(reader.codec, reader.info);
    if (stored_row / 1032 * static_cast<std::size_t>(header.height) > source.bytes.size()) {
        reader.reached_end = true;
        fail(reader, source);
    }
    const int passes = update(reader);
    if (passes == 0) fail(reader, source);

    const auto width = static_cast<std::size_t>(header.width);
    const auto height = static_cast<std::size_t>(header.height);
    const std::size_t channels = png_get_channels(reader.codec, reader.info);
    if ((channels != 3 && channels != 4) || png_get_rowbytes(reader.codec, reader.info) != width * channels) {
        throw Error(ErrorKind::image, fmt::format("{} is a PNG file of a kind that is not understood", source.name));
    }
    Decoded decoded{.image = allocate(static_cast<int>(width), static_cast<int>(height), source),
                    .width = static_cast<int>(width),
                    .height = static_cast<int>(height),
                    .orientation = header.orientation};
    unsigned char* rgb = decoded.image.rgb.data();
    if (channels == 3) {
        for (int pass = 0; pass < passes; ++pass) {
            if (!read_pass(reader, rgb, width * 3, height)) fail(reader, source);
        }
    } else if (passes == 1) {
        std::vector<unsigned char> row(width * 4);
        for (std::size_t y = 0; y < height; ++y) {
            if (!read_row(reader, row.data())) fail(reader, source);
            composite_row(row.data(), rgb + y * width * 3, width);
        }
    } else {
        std::vector<unsigned char> rgba(width * height * 4);
        for (int pass = 0; pass < passes; ++pass) {
            if (!read_pass(reader, rgba.data(), width * 4, height)) fail(reader, source);
        }
        composite_row(rgba.data(), rgb, width * height);
    }
    if (!finish(reader)) fail(reader, source);
    return decoded;
}

}  // namespace locus::image
