#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "image/decoders.hpp"
#include "image/png_reader.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

struct Reader : PngReader {
    std::span<const std::byte> rest;
    bool reached_end = false;
};

void on_read(png_structp codec, png_bytep target, std::size_t count) {
    auto& reader = *static_cast<Reader*>(png_get_io_ptr(codec));
    if (count > reader.rest.size()) {
        reader.reached_end = true;
        png_error(codec, "too few bytes");
    }
    std::memcpy(target, reader.rest.data(), count);
    reader.rest = reader.rest.subspan(count);
}

/// Everything up to the pixels; afterwards rows come as RGB or RGBA of 8 bits, or of 16 in this machine's order.
bool start(Reader& reader) {
    if (setjmp(reader.out) != 0) return false;
    png_set_read_fn(reader.codec, &reader, on_read);
    png_set_user_limits(reader.codec, 0x7fffffff, 0x7fffffff);  // ours were applied to the header
    png_read_info(reader.codec, reader.info);
    png_set_expand(reader.codec);  // palettes, fewer than 8 bits, tRNS
    if constexpr (std::endian::native == std::endian::little) png_set_swap(reader.codec);
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

/// Rows as libpng gives them, into RGB of 8 bits.
class RowConverter {
public:
    RowConverter(std::size_t width, std::size_t channels, bool is_deep, const Source& source)
        : width_(width), channels_(channels) {
        if (!is_deep) return;
        depth_.emplace();
        colors_.emplace(sample_bits(source));
        samples_.resize(width * channels);
        narrow_.resize(width * channels);
    }

    void convert(const unsigned char* row, unsigned char* rgb) {
        if (depth_) row = narrowed(row);
        if (channels_ == 3) {
            std::memcpy(rgb, row, width_ * 3);
            return;
        }
        for (std::size_t x = 0; x < width_; ++x) {
            for (std::size_t c = 0; c < 3; ++c) rgb[3 * x + c] = on_white(row[4 * x + c], row[4 * x + 3]);
        }
    }

    /// Of the rows converted; none where they have 8 bits.
    const std::optional<SampleDepth>& depth() const { return depth_; }

private:
    const unsigned char* narrowed(const unsigned char* row) {
        std::memcpy(samples_.data(), row, samples_.size() * sizeof samples_[0]);
        depth_->add(samples_.data(), width_, channels_, 3);
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            const bool is_alpha = channels_ == 4 && i % 4 == 3;
            narrow_[i] =
                is_alpha ? static_cast<unsigned char>((samples_[i] * 255U + 32767U) / 65535U) : (*colors_)(samples_[i]);
        }
        return narrow_.data();
    }

    std::size_t width_, channels_;
    std::optional<SampleDepth> depth_;
    std::optional<SampleNarrowing> colors_;
    std::vector<std::uint16_t> samples_;
    std::vector<unsigned char> narrow_;
};

/// Significant bits of the colours, the most of any; 0 where the file does not say.
int significant_bits(const Reader& reader) {
    png_color_8p bits = nullptr;
    if (png_get_sBIT(reader.codec, reader.info, &bits) == 0 || bits == nullptr) return 0;
    const bool is_grey = (png_get_color_type(reader.codec, reader.info) & PNG_COLOR_MASK_COLOR) == 0;
    return is_grey ? bits->gray : std::max({bits->red, bits->green, bits->blue});
}

}  // namespace

Decoded decode_png(const Source& source, const Header& header) {
    Reader reader;
    reader.rest = source.bytes;
    if (!start(reader)) fail(reader, source);

    // Deflate shrinks by at most 1032: a small file cannot hold a large picture (zlib's technical details, "Maximum
    // Compression Factor").
    const std::size_t stored_row = png_get_rowbytes(reader.codec, reader.info);
    if (stored_row / 1032 * static_cast<std::size_t>(header.height) > source.bytes.size()) {
        reader.reached_end = true;
        fail(reader, source);
    }
    const int stated_bits = significant_bits(reader);
    const int passes = update(reader);
    if (passes == 0) fail(reader, source);

    const auto width = static_cast<std::size_t>(header.width);
    const auto height = static_cast<std::size_t>(header.height);
    const std::size_t channels = png_get_channels(reader.codec, reader.info);
    const bool is_deep = png_get_bit_depth(reader.codec, reader.info) == 16;
    const std::size_t stride = width * channels * (is_deep ? 2 : 1);
    if ((channels != 3 && channels != 4) || png_get_rowbytes(reader.codec, reader.info) != stride) {
        throw Error(ErrorKind::image, fmt::format("{} is a PNG file of a kind that is not understood", source.name));
    }
    Decoded decoded{.image = allocate(static_cast<int>(width), static_cast<int>(height), source),
                    .width = static_cast<int>(width),
                    .height = static_cast<int>(height),
                    .orientation = header.orientation};
    unsigned char* rgb = decoded.image.rgb.data();
    if (channels == 3 && !is_deep) {
        for (int pass = 0; pass < passes; ++pass) {
            if (!read_pass(reader, rgb, width * 3, height)) fail(reader, source);
        }
    } else {
        // An interlaced picture is whole after its last pass alone.
        RowConverter rows(width, channels, is_deep, source);
        std::vector<unsigned char> stored(passes == 1 ? stride : stride * height);
        for (int pass = 0; pass < passes && passes > 1; ++pass) {
            if (!read_pass(reader, stored.data(), stride, height)) fail(reader, source);
        }
        for (std::size_t y = 0; y < height; ++y) {
            if (passes == 1 && !read_row(reader, stored.data())) fail(reader, source);
            rows.convert(stored.data() + (passes == 1 ? 0 : y * stride), rgb + y * width * 3);
        }
        decoded.depth = rows.depth();
    }
    if (decoded.depth && stated_bits > 0 && stated_bits < most_sample_bits)
        decoded.depth->said = bits_by_significance(*decoded.depth, stated_bits);
    if (!finish(reader)) fail(reader, source);
    return decoded;
}

}  // namespace locus::image
