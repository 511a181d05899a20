#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <string_view>

#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>

#include <fmt/core.h>

#include "image/byte_reader.hpp"
#include "image/decoders.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

// libjpeg reports errors through callbacks that must not return. They jump back into the functions below, whose frames
// therefore hold nothing with a destructor.

constexpr int most_scans = 100;  // a progressive file may ask for any number of passes over all of its blocks

enum class Damage { none, truncated, corrupt, too_many_scans, other };

struct Reader {
    jpeg_decompress_struct codec{};
    jpeg_error_mgr errors{};
    jpeg_progress_mgr progress{};
    std::jmp_buf out{};
    bool reached_end = false;  // the data were used up; libjpeg goes on with an end marker of its own making
    Damage damage = Damage::none;
    char message[JMSG_LENGTH_MAX] = "";
};

Reader& reader_of(j_common_ptr codec) { return *static_cast<Reader*>(codec->client_data); }

[[noreturn]] void leave(j_common_ptr codec, Damage damage) {
    Reader& reader = reader_of(codec);
    reader.damage = reader.reached_end ? Damage::truncated : damage;
    (*codec->err->format_message)(codec, static_cast<char*>(reader.message));
    std::longjmp(reader.out, 1);
}

void on_error(j_common_ptr codec) { leave(codec, Damage::other); }

void on_message(j_common_ptr codec, int level) {
    if (level >= 0) return;
    switch (codec->err->msg_code) {
        case JWRN_JPEG_EOF: {
            Reader& reader = reader_of(codec);
            reader.reached_end = true;
            // With one scan the decoder tells when pixels are missing (JWRN_HIT_MARKER), and a file that lacks only its
            // end marker is whole. With several, the later ones could be missing in silence, and arithmetic decoding
            // goes on with zeros.
            if (codec->is_decompressor != 0 && reader.codec.input_scan_number > 0 &&
                (jpeg_has_multiple_scans(&reader.codec) != 0 || reader.codec.arith_code != 0)) {
                leave(codec, Damage::truncated);
            }
            break;
        }
        case JWRN_HIT_MARKER:  // entropy-coded data end before the picture does: the rest would be grey
        case JWRN_HUFF_BAD_CODE:
        case JWRN_ARITH_BAD_CODE:
        case JWRN_MUST_RESYNC:
            leave(codec, Damage::corrupt);
        default:
            break;  // stray bytes before a marker and the like do not touch pixels
    }
}

void on_progress(j_common_ptr codec) {
    if (reader_of(codec).codec.input_scan_number > most_scans) leave(codec, Damage::too_many_scans);
}

void ignore_message(j_common_ptr) {}

/// Everything up to the first scan; false where the file is broken.
bool read_head(Reader& reader, const unsigned char* data, unsigned long size) {
    jpeg_decompress_struct& codec = reader.codec;
    codec.err = jpeg_std_error(&reader.errors);
    reader.errors.error_exit = on_error;
    reader.errors.emit_message = on_message;
    reader.errors.output_message = ignore_message;
    codec.client_data = &reader;
    if (setjmp(reader.out) != 0) return false;
    jpeg_create_decompress(&codec);
    codec.client_data = &reader;
    reader.progress.progress_monitor = on_progress;
    codec.progress = &reader.progress;
    jpeg_mem_src(&codec, data, size);
    jpeg_save_markers(&codec, JPEG_APP0 + 1, 0xffff);  // EXIF
    jpeg_read_header(&codec, TRUE);
    return true;
}

/// Chooses the output and starts decoding, so that its size is known.
bool start(Reader& reader, int denominator) {
    jpeg_decompress_struct& codec = reader.codec;
    if (setjmp(reader.out) != 0) return false;
    const bool has_four_inks = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
    codec.out_color_space = has_four_inks ? JCS_CMYK : JCS_RGB;
    codec.scale_num = 1;
    codec.scale_denom = static_cast<unsigned>(denominator);
    jpeg_start_decompress(&codec);
    return true;
}

/// `row` takes one line of CMYK; unused for RGB, which goes straight to `pixels`.
bool read_rows(Reader& reader, unsigned char* pixels, unsigned char* row) {
    jpeg_decompress_struct& codec = reader.codec;
    if (setjmp(reader.out) != 0) return false;
    const std::size_t stride = static_cast<std::size_t>(codec.output_width) * 3;
    const bool has_four_inks = codec.out_color_space == JCS_CMYK;
    while (codec.output_scanline < codec.output_height) {
        unsigned char* target = pixels + codec.output_scanline * stride;
        if (!has_four_inks) {
            jpeg_read_scanlines(&codec, &target, 1);
            continue;
        }
        jpeg_read_scanlines(&codec, &row, 1);
        // Adobe's files hold 255 - ink, which is the light that each ink lets through.
        const unsigned flip = codec.saw_Adobe_marker != 0 ? 0 : 255;
        for (std::size_t x = 0; x < codec.output_width; ++x) {
            const unsigned black = row[4 * x + 3] ^ flip;
            for (std::size_t c = 0; c < 3; ++c) {
                target[3 * x + c] = static_cast<unsigned char>(((row[4 * x + c] ^ flip) * black + 127) / 255);
            }
        }
    }
    jpeg_finish_decompress(&codec);
    return true;
}

struct Release {
    Reader& reader;
    ~Release() { jpeg_destroy_decompress(&reader.codec); }
};

[[noreturn]] void fail(const Reader& reader, const Source& source) {
    switch (reader.damage) {
        case Damage::truncated:
            throw Error(ErrorKind::image, fmt::format("{} is truncated: its {} bytes end before the JPEG picture does",
                                                      source.name, source.bytes.size()));
        case Damage::corrupt:
            throw Error(ErrorKind::image,
                        fmt::format("{} is damaged: its JPEG data break off or make no sense before the picture's end",
                                    source.name));
        case Damage::too_many_scans:
            throw Error(ErrorKind::resource,
                        fmt::format("{} is a progressive JPEG of more than {} scans: more than any picture needs",
                                    source.name, most_scans));
        default:
            throw Error(ErrorKind::image, fmt::format("{} is not a JPEG that can be decoded: {}", source.name,
                                                      std::string_view(static_cast<const char*>(reader.message))));
    }
}

int orientation_of(const jpeg_decompress_struct& codec) {
    constexpr std::string_view prefix("Exif\0\0", 6);
    for (const jpeg_marker_struct* marker = codec.marker_list; marker != nullptr; marker = marker->next) {
        const std::span<const std::byte> data(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
        if (ByteReader(data, true).says(0, prefix)) return exif_orientation(data.subspan(prefix.size()));
    }
    return 1;
}

/// The largest of 1, 2, 4, 8 by which the picture may be divided with both sides staying at least `least` long.
int reduction(unsigned width, unsigned height, int least) {
    if (least <= 0) return 1;
    int denominator = 1;
    while (denominator < 8 &&
           std::min(width, height) / (static_cast<unsigned>(denominator) * 2) >= static_cast<unsigned>(least)) {
        denominator *= 2;
    }
    return denominator;
}

/// Every 8 x 8 block of a Huffman-coded picture takes at least one bit: a small file cannot hold a large picture.
bool is_plausible(const jpeg_decompress_struct& codec, std::size_t size) {
    if (codec.arith_code != 0) return true;
    std::uint64_t blocks = 0;
    for (int c = 0; c < codec.num_components; ++c) {
        blocks += std::uint64_t{codec.comp_info[c].width_in_blocks} * codec.comp_info[c].height_in_blocks;
    }
    return blocks / 8 <= size;
}

}  // namespace

Decoded decode_jpeg(const Source& source) {
    Reader reader;
    const Release release{reader};
    if (!read_head(reader, reinterpret_cast<const unsigned char*>(source.bytes.data()), source.bytes.size())) {
        fail(reader, source);
    }
    const jpeg_decompress_struct& codec = reader.codec;
    require_size(codec.image_width, codec.image_height, source);
    if (!is_plausible(codec, source.bytes.size())) {
        reader.damage = Damage::truncated;
        fail(reader, source);
    }
    Decoded decoded{.width = static_cast<int>(codec.image_width),
                    .height = static_cast<int>(codec.image_height),
                    .orientation = orientation_of(codec)};
    if (!start(reader, reduction(codec.image_width, codec.image_height, source.options.reduce_to)))
        fail(reader, source);
    decoded.image = allocate(static_cast<int>(codec.output_width), static_cast<int>(codec.output_height), source);
    std::vector<unsigned char> row(codec.out_color_space == JCS_CMYK ? static_cast<std::size_t>(codec.output_width) * 4
                                                                     : 0);
    if (!read_rows(reader, decoded.image.rgb.data(), row.data())) fail(reader, source);
    return decoded;
}

}  // namespace locus::image
