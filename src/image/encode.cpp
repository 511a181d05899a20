#include "locus/image.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>

#include <fmt/core.h>
#include <jpeglib.h>
#include <png.h>

#include "image/pixels.hpp"
#include "locus/error.hpp"

namespace locus {
namespace {

void require_picture(const Image& picture, int most_side) {
    image::require_pixels(picture);
    if (picture.width > most_side || picture.height > most_side) {
        throw Error(ErrorKind::usage,
                    fmt::format("a picture of {} x {} pixels cannot be encoded: no side may be longer than {}",
                                picture.width, picture.height, most_side));
    }
}

// libjpeg and libpng report errors through callbacks that must not return: they jump back. Growing the output may fail
// as well, and an exception must not pass through C: it is caught where it arises and becomes such a jump. Frames that
// are jumped over hold nothing with a destructor.

struct JpegWriter {
    jpeg_compress_struct codec{};
    jpeg_error_mgr errors{};
    jpeg_destination_mgr destination{};
    std::jmp_buf out{};
    std::vector<std::byte> bytes;
    ~JpegWriter() { jpeg_destroy_compress(&codec); }
};

JpegWriter& writer_of(j_common_ptr codec) { return *static_cast<JpegWriter*>(codec->client_data); }

bool grow(std::vector<std::byte>& bytes, std::size_t size) noexcept {
    try {
        bytes.resize(size);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void begin_output(j_compress_ptr codec) {
    JpegWriter& writer = writer_of(reinterpret_cast<j_common_ptr>(codec));
    writer.destination.next_output_byte = reinterpret_cast<JOCTET*>(writer.bytes.data());
    writer.destination.free_in_buffer = writer.bytes.size();
}

boolean enlarge_output(j_compress_ptr codec) {
    JpegWriter& writer = writer_of(reinterpret_cast<j_common_ptr>(codec));
    const std::size_t used = writer.bytes.size();
    if (!grow(writer.bytes, used * 2)) std::longjmp(writer.out, 1);
    writer.destination.next_output_byte = reinterpret_cast<JOCTET*>(writer.bytes.data() + used);
    writer.destination.free_in_buffer = used;
    return TRUE;
}

void end_output(j_compress_ptr) {}

bool write_jpeg(JpegWriter& writer, const Image& picture, int quality) {
    jpeg_compress_struct& codec = writer.codec;
    codec.err = jpeg_std_error(&writer.errors);
    writer.errors.error_exit = [](j_common_ptr self) { std::longjmp(writer_of(self).out, 1); };
    writer.errors.output_message = [](j_common_ptr) {};
    if (setjmp(writer.out) != 0) return false;
    codec.client_data = &writer;
    jpeg_create_compress(&codec);
    codec.client_data = &writer;
    writer.destination.init_destination = begin_output;
    writer.destination.empty_output_buffer = enlarge_output;
    writer.destination.term_destination = end_output;
    codec.dest = &writer.destination;
    codec.image_width = static_cast<JDIMENSION>(picture.width);
    codec.image_height = static_cast<JDIMENSION>(picture.height);
    codec.input_components = 3;
    codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec);  // YCbCr, colour at half resolution
    jpeg_set_quality(&codec, quality, TRUE);
    jpeg_start_compress(&codec, TRUE);
    while (codec.next_scanline < codec.image_height) {
        // libjpeg takes rows that are not const, and leaves them alone.
        auto* row = const_cast<JSAMPROW>(
            picture.pixel(0, static_cast<int>(codec.next_scanline)));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        jpeg_write_scanlines(&codec, &row, 1);
    }
    jpeg_finish_compress(&codec);
    return true;
}

struct PngWriter {
    png_structp codec = nullptr;
    png_infop info = nullptr;
    std::jmp_buf out{};
    std::vector<std::byte> bytes;
    ~PngWriter() { png_destroy_write_struct(&codec, &info); }
};

void append_png(png_structp codec, png_bytep data, std::size_t count) {
    auto& bytes = static_cast<PngWriter*>(png_get_io_ptr(codec))->bytes;
    const std::size_t used = bytes.size();
    if (!grow(bytes, used + count)) png_error(codec, "out of memory");
    std::memcpy(bytes.data() + used, data, count);
}

bool write_png(PngWriter& writer, const Image& picture) {
    if (setjmp(writer.out) != 0) return false;
    png_set_write_fn(writer.codec, &writer, append_png, nullptr);
    png_set_user_limits(writer.codec, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(writer.codec, writer.info, static_cast<png_uint_32>(picture.width),
                 static_cast<png_uint_32>(picture.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    // Three times as fast as level 6 for a few per cent more bytes.
    png_set_compression_level(writer.codec, 3);
    png_set_filter(writer.codec, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE | PNG_FILTER_SUB | PNG_FILTER_UP);
    png_write_info(writer.codec, writer.info);
    for (int y = 0; y < picture.height; ++y) png_write_row(writer.codec, picture.pixel(0, y));
    png_write_end(writer.codec, nullptr);
    return true;
}

[[noreturn]] void fail(const Image& picture) {
    throw Error(ErrorKind::resource,
                fmt::format("a picture of {} x {} pixels could not be encoded: memory does not suffice", picture.width,
                            picture.height));
}

}  // namespace

std::vector<std::byte> encode_jpeg(const Image& picture, int quality) {
    require_picture(picture, JPEG_MAX_DIMENSION);
    if (quality < 1 || quality > 100) {
        throw Error(ErrorKind::usage,
                    fmt::format("a JPEG quality of {} is not possible: it lies between 1 and 100", quality));
    }
    JpegWriter writer;
    // Photos at quality 90 take about a sixth of their pixels' bytes.
    writer.bytes.resize(std::max<std::size_t>(16384, picture.rgb.size() / 4));
    if (!write_jpeg(writer, picture, quality)) fail(picture);
    writer.bytes.resize(writer.bytes.size() - writer.destination.free_in_buffer);
    return std::move(writer.bytes);
}

std::vector<std::byte> encode_png(const Image& picture) {
    require_picture(picture, 0x7fffffff);
    PngWriter writer;
    writer.codec = png_create_write_struct(
        PNG_LIBPNG_VER_STRING, &writer,
        [](png_structp self, png_const_charp) {
            std::longjmp(static_cast<PngWriter*>(png_get_error_ptr(self))->out, 1);
        },
        [](png_structp, png_const_charp) {});
    if (writer.codec != nullptr) writer.info = png_create_info_struct(writer.codec);
    if (writer.info == nullptr || !write_png(writer, picture)) fail(picture);
    return std::move(writer.bytes);
}

}  // namespace locus
