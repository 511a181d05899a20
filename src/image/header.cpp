#include "image/header.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/core.h>

#include "image/byte_reader.hpp"
#include "image/tiff_directory.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

using namespace std::string_view_literals;

[[noreturn]] void fail(const std::string& name, std::string_view what) {
    throw Error(ErrorKind::image, fmt::format("{} {}", name, what));
}

[[noreturn]] void fail_truncated(const std::string& name, Format format, std::uint64_t size) {
    throw Error(ErrorKind::image, fmt::format("{} is truncated: its {} bytes are fewer than its {} header promises",
                                              name, size, image::name(format)));
}

Header read_png(std::span<const std::byte> bytes, const std::string& name) {
    const ByteReader reader(bytes, true);
    if (!reader.has(0, 8 + 25)) fail_truncated(name, Format::png, bytes.size());  // signature and IHDR
    if (!reader.says(12, "IHDR")) fail(name, "is no valid PNG file: its first chunk is not IHDR");
    Header header{.format = Format::png,
                  .width = static_cast<std::int64_t>(reader.u32(16)),
                  .height = static_cast<std::int64_t>(reader.u32(20))};
    // The orientation may come before or after the pixels.
    for (std::uint64_t chunk = 8; reader.has(chunk, 12);) {
        const std::uint64_t length = reader.u32(chunk);
        if (reader.says(chunk + 4, "IEND")) break;
        if (reader.says(chunk + 4, "eXIf") && reader.has(chunk + 8, length)) {
            header.orientation = exif_orientation(reader.block(chunk + 8, length));
        }
        chunk += length + 12;
    }
    return header;
}

Header read_gif(std::span<const std::byte> bytes) {
    const ByteReader reader(bytes, false);
    return {.format = Format::gif,
            .width = static_cast<std::int64_t>(reader.u16(6)),
            .height = static_cast<std::int64_t>(reader.u16(8))};
}

Header read_bmp(std::span<const std::byte> bytes, const std::string& name) {
    const ByteReader reader(bytes, false);
    Header header{.format = Format::bmp};
    const std::uint64_t pixels_at = reader.u32(10);
    const std::uint64_t info_size = reader.u32(14);
    std::uint64_t bits = 0, compression = 0;
    if (info_size == 12) {  // OS/2
        header.width = static_cast<std::int64_t>(reader.u16(18));
        header.height = static_cast<std::int64_t>(reader.u16(20));
        bits = reader.u16(24);
    } else {
        // Rows run from the top where the height is negative.
        header.width = static_cast<std::int32_t>(reader.u32(18));
        header.height = std::abs(static_cast<std::int64_t>(static_cast<std::int32_t>(reader.u32(22))));
        bits = reader.u16(28);
        compression = reader.u32(30);
    }
    constexpr std::uint64_t bit_fields = 3;
    if (compression == bit_fields && bits == 32) {
        // OpenCV takes blue, green, red and a fourth byte, whatever the masks say.
        constexpr std::uint64_t masks_at = 54;
        if (reader.u32(masks_at) != 0xff0000U || reader.u32(masks_at + 4) != 0xff00U ||
            reader.u32(masks_at + 8) != 0xffU)
            fail(name,
                 "is a BMP file whose colours lie in another order than blue, green, red: store it in that order, or "
                 "as PNG");
    }
    const bool is_plain = compression == 0 || compression == 3;  // BI_RGB, BI_BITFIELDS
    constexpr std::int64_t sane = std::int64_t{1} << 31;
    if (is_plain && header.width > 0 && header.width < sane && bits <= 64) {
        const std::uint64_t row = (static_cast<std::uint64_t>(header.width) * bits + 31) / 32 * 4;
        if (!reader.has(pixels_at, row * static_cast<std::uint64_t>(header.height))) {
            fail_truncated(name, Format::bmp, bytes.size());
        }
    }
    return header;
}

/// Size of a lossy (VP8, RFC 6386 section 9.1) or lossless (VP8L) bitstream.
void read_webp_bitstream(const ByteReader& reader, std::uint64_t chunk, std::int64_t& width, std::int64_t& height,
                         const std::string& name) {
    const std::uint64_t data = chunk + 8;
    if (reader.says(chunk, "VP8 ")) {
        if (!reader.says(data + 3, "\x9d\x01\x2a"sv)) fail(name, "is no valid WebP file: its frame has no start code");
        width = static_cast<std::int64_t>(reader.u16(data + 6) & 0x3fffU);
        height = static_cast<std::int64_t>(reader.u16(data + 8) & 0x3fffU);
    } else if (reader.says(chunk, "VP8L")) {
        const std::uint64_t sizes = reader.u32(data + 1);
        width = static_cast<std::int64_t>((sizes & 0x3fffU) + 1);
        height = static_cast<std::int64_t>((sizes >> 14U & 0x3fffU) + 1);
    } else {
        fail(name, "is no valid WebP file: a chunk that WebP does not have stands where its pixels should be");
    }
}

Header read_webp(std::span<const std::byte> bytes, const std::string& name) {
    const ByteReader reader(bytes, false);
    Header header{.format = Format::webp};
    const std::uint64_t end = reader.u32(4) + 8;
    if (end > bytes.size()) fail_truncated(name, Format::webp, bytes.size());
    if (!reader.says(12, "VP8X")) {
        read_webp_bitstream(reader, 12, header.width, header.height, name);
        return header;
    }
    header.width = static_cast<std::int64_t>(reader.number(24, 3) + 1);
    header.height = static_cast<std::int64_t>(reader.number(27, 3) + 1);
    for (std::uint64_t chunk = 12; chunk + 8 <= end && reader.has(chunk, 8);) {
        const std::uint64_t length = reader.u32(chunk + 4);
        const std::uint64_t data = chunk + 8;
        if (reader.says(chunk, "EXIF") && reader.has(data, length)) {
            // Some writers keep JPEG's "Exif\0\0" in front.
            const std::uint64_t skip = reader.says(data, "Exif\0\0"sv) && length >= 6 ? 6 : 0;
            header.orientation = exif_orientation(reader.block(data + skip, length - skip));
        } else if (reader.says(chunk, "ANMF") && header.frame == 0) {
            if (length < 16 || !reader.has(data, length)) fail_truncated(name, Format::webp, bytes.size());
            header.frame_x = static_cast<std::int64_t>(reader.number(data, 3) * 2);
            header.frame_y = static_cast<std::int64_t>(reader.number(data + 3, 3) * 2);
            header.frame_width = static_cast<std::int64_t>(reader.number(data + 6, 3) + 1);
            header.frame_height = static_cast<std::int64_t>(reader.number(data + 9, 3) + 1);
            header.frame = data + 16;
            header.frame_size = length - 16;
        }
        chunk = data + length + (length & 1U);
    }
    return header;
}

/// Whether every strip or tile lies within the file.
bool has_all_blocks(const TiffDirectory& entries, TiffTag offsets, TiffTag counts, std::uint64_t size) {
    const auto at = entries.find(offsets);
    const auto of = entries.find(counts);
    if (at == entries.end() || of == entries.end()) return true;
    const std::size_t blocks = std::min(at->second.size(), of->second.size());
    for (std::size_t i = 0; i < blocks; ++i) {
        if (at->second[i] > size || of->second[i] > size - at->second[i]) return false;
    }
    return true;
}

Header read_tiff(std::span<const std::byte> bytes, const std::string& name) {
    const TiffDirectory entries = read_tiff_directory(bytes);
    const auto value = [&](TiffTag tag) -> std::int64_t {
        const auto found = entries.find(tag);
        if (found == entries.end() || found->second.empty()) return 0;
        constexpr std::uint64_t most = std::uint64_t{1} << 40U;  // far beyond any limit
        return static_cast<std::int64_t>(std::min(found->second.front(), most));
    };
    Header header{.format = Format::tiff, .width = value(TiffTag::width), .height = value(TiffTag::height)};
    const std::int64_t orientation = value(TiffTag::orientation);
    if (orientation >= 2 && orientation <= 8) header.orientation = static_cast<int>(orientation);
    if (!has_all_blocks(entries, TiffTag::strip_offsets, TiffTag::strip_byte_counts, bytes.size()) ||
        !has_all_blocks(entries, TiffTag::tile_offsets, TiffTag::tile_byte_counts, bytes.size())) {
        fail_truncated(name, Format::tiff, bytes.size());
    }
    return header;
}

/// What a file that is no image seems to be, for the sentence that refuses it.
std::string_view guess(const ByteReader& reader) {
    if (reader.says(4, "ftypavif"sv) || reader.says(4, "ftypavis"sv))
        return "an AVIF picture, which Locus does not read";
    if (reader.says(4, "ftyphei"sv) || reader.says(4, "ftypmif1"sv) || reader.says(4, "ftyphev"sv)) {
        return "a HEIF picture, which Locus does not read";
    }
    if (reader.says(4, "ftyp"sv)) return "a video";
    if (reader.says(0, "\xff\x4f\xff\x51"sv) || reader.says(4, "jP  \r\n"sv))
        return "a JPEG 2000 picture, which Locus does not read";
    if (reader.says(0, "\xff\x0a"sv) || reader.says(4, "JXL "sv)) return "a JPEG XL picture, which Locus does not read";
    if (reader.says(0, "P"sv) && reader.has(0, 3) && reader.u8(1) >= '1' && reader.u8(1) <= '7' && reader.u8(2) == '\n')
        return "a PNM picture (PBM, PGM, PPM or PAM), which Locus does not read";
    if (reader.says(0, "%PDF"sv)) return "a PDF document";
    if (reader.says(0, "PK\x03\x04"sv)) return "a ZIP archive";
    if (reader.says(0, "\x93NUMPY"sv)) return "a NumPy array";
    if (reader.says(0, "<svg"sv) || reader.says(0, "<?xml"sv)) return "XML";
    if (reader.says(0, "<!"sv) || reader.says(0, "<html"sv)) return "a web page";
    const std::uint64_t count = std::min<std::uint64_t>(reader.size(), 256);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t c = reader.u8(i);
        if (c == 127 || (c < 32 && c != '\t' && c != '\n' && c != '\r' && c != '\f')) return "something else";
    }
    return "text";
}

}  // namespace

const char* name(Format format) {
    switch (format) {
        case Format::jpeg:
            return "JPEG";
        case Format::png:
            return "PNG";
        case Format::gif:
            return "GIF";
        case Format::webp:
            return "WebP";
        case Format::tiff:
            return "TIFF";
        case Format::bmp:
            return "BMP";
    }
    return "";
}

Header read_header(std::span<const std::byte> bytes, const std::string& name) {
    const ByteReader reader(bytes, false);
    if (bytes.empty()) fail(name, "is empty (0 bytes): an image was expected");
    Format format = Format::jpeg;
    try {
        if (reader.says(0, "\xff\xd8\xff"sv)) return {};
        if (reader.says(0, "\x89PNG\r\n\x1a\n"sv)) {
            format = Format::png;
            return read_png(bytes, name);
        }
        if (reader.says(0, "GIF87a"sv) || reader.says(0, "GIF89a"sv)) {
            format = Format::gif;
            return read_gif(bytes);
        }
        if (reader.says(0, "RIFF"sv) && reader.says(8, "WEBP"sv)) {
            format = Format::webp;
            return read_webp(bytes, name);
        }
        if (reader.says(0, "II*\0"sv) || reader.says(0, "MM\0*"sv) || reader.says(0, "II+\0"sv) ||
            reader.says(0, "MM\0+"sv)) {
            format = Format::tiff;
            return read_tiff(bytes, name);
        }
        // "BM" alone begins many a text; the header that follows has one of a few sizes.
        if (reader.says(0, "BM"sv) && reader.has(14, 4)) {
            const std::uint64_t info_size = reader.u32(14);
            if (info_size == 12 || (info_size >= 16 && info_size <= 256)) {
                format = Format::bmp;
                return read_bmp(bytes, name);
            }
        }
    } catch (const EndOfBytes&) {
        fail_truncated(name, format, bytes.size());
    }
    // A beginning too short to tell by.
    if (bytes.size() < 18) {
        for (const std::string_view magic : {"\xff\xd8\xff"sv, "\x89PNG\r\n\x1a\n"sv, "GIF89a"sv, "GIF87a"sv, "RIFF"sv,
                                             "BM"sv, "II*\0"sv, "MM\0*"sv}) {
            const std::size_t count = std::min<std::size_t>(magic.size(), bytes.size());
            if (reader.says(0, magic.substr(0, count))) {
                throw Error(ErrorKind::image,
                            fmt::format("{} is truncated: {} too few for any image", name,
                                        bytes.size() == 1 ? "1 byte is" : fmt::format("{} bytes are", bytes.size())));
            }
        }
    }
    throw Error(
        ErrorKind::image,
        fmt::format("{} is not an image that Locus reads (JPEG, PNG, GIF, WebP, TIFF, BMP): by its content it is {}",
                    name, guess(reader)));
}

}  // namespace locus::image
