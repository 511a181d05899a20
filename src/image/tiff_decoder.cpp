#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <tiffio.h>

#include "image/decoders.hpp"
#include "locus/error.hpp"
#include "text/utf8.hpp"

namespace locus::image {
namespace {

/// A TIFF in memory, as libtiff reads it. It says what is wrong to us, not to standard error, and never takes more than
/// the limit on pixels allows at once.
class TiffFile {
public:
    explicit TiffFile(const Source& source) : bytes_(source.bytes) {
        // 16 bits in four channels, the widest that is read.
        constexpr std::int64_t bytes_per_pixel = 8;
        const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                       &TIFFOpenOptionsFree);
        if (options == nullptr) throw std::bad_alloc();
        TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), bytes_per_pixel * source.options.max_pixels);
        TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &remember, this);
        TIFFOpenOptionsSetWarningHandlerExtR(
            options.get(), [](TIFF*, void*, const char*, const char*, va_list) { return 1; }, this);
        // Mapped: libtiff 4.5 calls uncompressed tiles damaged that it has read into buffers of its own.
        file_.reset(TIFFClientOpenExt("", "r", this, &read, &write, &seek, &close, &size, &map, &unmap, options.get()));
    }
    TiffFile(const TiffFile&) = delete;
    TiffFile& operator=(const TiffFile&) = delete;

    TIFF* get() const { return file_.get(); }

    /// What libtiff said first, without a full stop at its end; empty where it had nothing to say.
    const std::string& complaint() const { return complaint_; }

    /// A whole number of the directory, or its default.
    template <typename Value> Value field(std::uint32_t tag) const {
        Value value = 0;
        TIFFGetFieldDefaulted(file_.get(), tag, &value);
        return value;
    }

private:
    static TiffFile& self(thandle_t handle) { return *static_cast<TiffFile*>(handle); }

    static tmsize_t read(thandle_t handle, void* into, tmsize_t count) {
        TiffFile& file = self(handle);
        const std::size_t left = file.bytes_.size() - std::min(file.at_, file.bytes_.size());
        const std::size_t got = std::min(left, static_cast<std::size_t>(std::max<tmsize_t>(count, 0)));
        if (got > 0) std::memcpy(into, file.bytes_.data() + file.at_, got);
        file.at_ += got;
        return static_cast<tmsize_t>(got);
    }

    static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }

    static toff_t seek(thandle_t handle, toff_t offset, int whence) {
        TiffFile& file = self(handle);
        const std::size_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at_ : file.bytes_.size();
        file.at_ = from + offset;
        return file.at_;
    }

    static int close(thandle_t) { return 0; }

    static int map(thandle_t handle, void** base, toff_t* size) {
        const TiffFile& file = self(handle);
        *base = const_cast<std::byte*>(file.bytes_.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
        *size = file.bytes_.size();
        return 1;
    }

    static void unmap(thandle_t, void*, toff_t) {}

    static toff_t size(thandle_t handle) { return self(handle).bytes_.size(); }

    static int remember(TIFF*, void* user, const char*, const char* format, va_list arguments) {
        std::string& complaint = static_cast<TiffFile*>(user)->complaint_;
        if (!complaint.empty()) return 1;
        std::array<char, 512> text{};
        std::vsnprintf(text.data(), text.size(), format, arguments);
        complaint = text.data();
        while (complaint.ends_with('.')) complaint.pop_back();
        return 1;
    }

    std::span<const std::byte> bytes_;
    std::size_t at_ = 0;
    std::string complaint_;
    std::unique_ptr<TIFF, decltype(&TIFFClose)> file_{nullptr, &TIFFClose};
};

[[noreturn]] void fail_damaged(const Source& source, std::string_view complaint) {
    if (complaint.empty()) throw Error(ErrorKind::image, fmt::format("{} is a damaged TIFF file", source.name));
    throw Error(ErrorKind::image,
                fmt::format("{} is a damaged TIFF file: libtiff says \"{}\"", source.name, text::to_utf8(complaint)));
}

[[noreturn]] void fail_unread(const Source& source, std::string_view why) {
    throw Error(ErrorKind::image, fmt::format("{} is a TIFF file of a kind that is not read: {}; store it with 8 or "
                                              "16 bits a channel, uncompressed or with LZW or Deflate",
                                              source.name, why));
}

[[noreturn]] void fail_opacity(const Source& source, std::string_view colours) {
    throw Error(ErrorKind::image, fmt::format("{} is a TIFF file whose pixels have an opacity beside {}, which is not "
                                              "read: store it without the opacity, or as RGB",
                                              source.name, colours));
}

/// Refuses what libtiff would turn into a wrong picture, or into none for a reason better said in our words.
void require_readable(const TiffFile& file, const Source& source) {
    const auto scheme = file.field<std::uint16_t>(TIFFTAG_COMPRESSION);
    if (TIFFIsCODECConfigured(scheme) == 0) {
        fail_unread(source, fmt::format("it is compressed by scheme {}, for which there is no decoder", scheme));
    }
    std::uint16_t meaning = 0;
    if (TIFFGetField(file.get(), TIFFTAG_PHOTOMETRIC, &meaning) == 0) {
        fail_unread(source, "it does not say what its samples mean (PhotometricInterpretation)");
    }
    if (meaning == PHOTOMETRIC_CIELAB || meaning == PHOTOMETRIC_ICCLAB || meaning == PHOTOMETRIC_ITULAB)
        fail_unread(source, "its colours are CIELab: store it as RGB");  // libtiff converts them to another white
    // libtiff's RGBA interface takes negative numbers for large ones.
    if (file.field<std::uint16_t>(TIFFTAG_SAMPLEFORMAT) == SAMPLEFORMAT_INT) {
        throw Error(ErrorKind::image,
                    fmt::format("{} is a TIFF file of a kind that is not read: its samples are signed "
                                "numbers. Store it with unsigned ones, of 8 or 16 bits a channel.",
                                source.name));
    }
    if (TIFFIsTiled(file.get()) != 0) {
        const std::uint64_t tile_pixels =
            std::uint64_t{file.field<std::uint32_t>(TIFFTAG_TILEWIDTH)} * file.field<std::uint32_t>(TIFFTAG_TILELENGTH);
        if (tile_pixels > static_cast<std::uint64_t>(source.options.max_pixels)) {
            throw Error(ErrorKind::resource,
                        fmt::format("{} has tiles of {} pixels: more than the limit of {} million", source.name,
                                    tile_pixels, static_cast<double>(source.options.max_pixels) / 1e6));
        }
    }
}

/// What stands behind the colours of a pixel as libtiff's conversion gives them.
enum class Opacity {
    none,
    applied,  ///< the colours were multiplied by it
    beside,   ///< they were not
};

/// Throws Error(image) for kinds whose opacity libtiff leaves out.
Opacity opacity_of(const TiffFile& file, const Source& source) {
    std::uint16_t count = 0;
    const std::uint16_t* kinds = nullptr;
    // libtiff takes it for opacity where the file does not say so.
    if (TIFFGetFieldDefaulted(file.get(), TIFFTAG_EXTRASAMPLES, &count, &kinds) == 0 || count == 0 ||
        (kinds[0] != EXTRASAMPLE_ASSOCALPHA && kinds[0] != EXTRASAMPLE_UNASSALPHA))
        return Opacity::none;
    const auto meaning = file.field<std::uint16_t>(TIFFTAG_PHOTOMETRIC);
    if (meaning == PHOTOMETRIC_PALETTE || meaning == PHOTOMETRIC_SEPARATED)
        fail_opacity(source, "a palette's colour or CMYK");
    const bool is_grey = meaning == PHOTOMETRIC_MINISBLACK || meaning == PHOTOMETRIC_MINISWHITE;
    if (!is_grey || file.field<std::uint16_t>(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE) return Opacity::applied;
    if (file.field<std::uint16_t>(TIFFTAG_BITSPERSAMPLE) != 8) fail_opacity(source, "grey that has not 8 bits");
    return kinds[0] == EXTRASAMPLE_ASSOCALPHA ? Opacity::applied : Opacity::beside;
}

/// libtiff's picture, whose routines for strips and tiles are called through ours: those see the samples while they
/// have 16 bits, and round them to 8, since libtiff cuts those of grey off.
struct WatchedImage : TIFFRGBAImage {
    tileContigRoutine put_contig = nullptr;
    tileSeparateRoutine put_separate = nullptr;
    std::optional<SampleDepth> depth;  ///< none: samples are not watched
    unsigned white = white_of(most_sample_bits);
    std::size_t colors = 1;

    /// `rows` of `columns` pixels, `step` samples each, and `skew` more pixels behind each row.
    void take(unsigned char* bytes, std::size_t step, std::size_t taken, std::uint32_t columns, std::uint32_t rows,
              std::int32_t skew) {
        auto* samples = reinterpret_cast<std::uint16_t*>(bytes);  // libtiff allocates and fills them as such
        const std::size_t stride = (columns + static_cast<std::size_t>(std::max(skew, 0))) * step;
        for (std::uint32_t y = 0; y < rows; ++y, samples += stride) {
            depth->add(samples, columns, step, taken);
            for (std::size_t x = 0; x < columns; ++x) {
                for (std::size_t c = 0; c < taken; ++c) {
                    std::uint16_t& v = samples[x * step + c];
                    v = static_cast<std::uint16_t>(257U * ((std::min<unsigned>(v, white) * 255U + white / 2) / white));
                }
            }
        }
    }

    static void watch_contig(TIFFRGBAImage* image, std::uint32_t* to, std::uint32_t x, std::uint32_t y,
                             std::uint32_t columns, std::uint32_t rows, std::int32_t from_skew, std::int32_t to_skew,
                             unsigned char* from) {
        auto& self = static_cast<WatchedImage&>(*image);
        self.take(from, self.samplesperpixel, self.colors, columns, rows, from_skew);
        self.put_contig(image, to, x, y, columns, rows, from_skew, to_skew, from);
    }

    static void watch_separate(TIFFRGBAImage* image, std::uint32_t* to, std::uint32_t x, std::uint32_t y,
                               std::uint32_t columns, std::uint32_t rows, std::int32_t from_skew, std::int32_t to_skew,
                               unsigned char* red, unsigned char* green, unsigned char* blue, unsigned char* alpha) {
        auto& self = static_cast<WatchedImage&>(*image);
        self.take(red, 1, 1, columns, rows, from_skew);
        if (green != red) self.take(green, 1, 1, columns, rows, from_skew);
        if (blue != red && blue != green) self.take(blue, 1, 1, columns, rows, from_skew);
        self.put_separate(image, to, x, y, columns, rows, from_skew, to_skew, red, green, blue, alpha);
    }
};

/// The bits that the file says its samples have: those that hold SMaxSampleValue or, where there is none,
/// MaxSampleValue. Writers put there what a sample may be, or the largest that occurs.
std::optional<int> stated_bits(const TiffFile& file) {
    double greatest = 0;
    if (TIFFGetField(file.get(), TIFFTAG_SMAXSAMPLEVALUE, &greatest) == 0) {
        std::uint16_t whole = 0;
        if (TIFFGetField(file.get(), TIFFTAG_MAXSAMPLEVALUE, &whole) == 0) return std::nullopt;
        greatest = whole;
    }
    return greatest >= 1 ? std::optional(bits_by_maximum(greatest)) : std::nullopt;
}

/// libtiff's conversion of one directory to RGBA.
class RgbaReader {
public:
    RgbaReader(const TiffFile& file, const Source& source) {
        constexpr int stop_on_error = 1;
        std::array<char, 1024> why{};
        if (TIFFRGBAImageOK(file.get(), why.data()) == 0 ||
            TIFFRGBAImageBegin(&image_, file.get(), stop_on_error, why.data()) == 0) {
            std::string_view reason = why.data();
            constexpr std::string_view apology = "Sorry, ";
            if (reason.starts_with(apology)) reason.remove_prefix(apology.size());
            if (reason.empty()) fail_damaged(source, file.complaint());
            fail_unread(source, fmt::format("libtiff says \"{}\"", text::to_utf8(reason)));
        }
        // As stored: turning is ours.
        image_.orientation = image_.req_orientation = ORIENTATION_TOPLEFT;
        watch_samples(sample_bits(source));
    }
    ~RgbaReader() { TIFFRGBAImageEnd(&image_); }
    RgbaReader(const RgbaReader&) = delete;
    RgbaReader& operator=(const RgbaReader&) = delete;

    std::uint32_t width() const { return image_.width; }
    std::uint32_t height() const { return image_.height; }

    bool read(std::vector<std::uint32_t>& pixels) {
        pixels.resize(static_cast<std::size_t>(image_.width) * image_.height);
        return TIFFRGBAImageGet(&image_, pixels.data(), image_.width, image_.height) != 0;
    }

    /// Of what was read; none unless its samples have 16 bits.
    const std::optional<SampleDepth>& depth() const { return image_.depth; }

private:
    void watch_samples(int bits) {
        const bool is_grey =
            image_.photometric == PHOTOMETRIC_MINISBLACK || image_.photometric == PHOTOMETRIC_MINISWHITE;
        if (image_.bitspersample != 16 || (!is_grey && image_.photometric != PHOTOMETRIC_RGB)) return;
        image_.depth.emplace();
        image_.white = white_of(bits);
        image_.colors = is_grey ? 1 : 3;
        if (image_.isContig != 0) {
            image_.put_contig = std::exchange(image_.put.contig, &WatchedImage::watch_contig);
        } else {
            image_.put_separate = std::exchange(image_.put.separate, &WatchedImage::watch_separate);
        }
    }

    WatchedImage image_{};
};

/// A colour channel seen on white.
std::uint8_t on_white(std::uint32_t value, std::uint32_t alpha, Opacity opacity) {
    if (opacity == Opacity::beside) value = (value * alpha + 127U) / 255U;
    return static_cast<std::uint8_t>(std::min(value + 255U - alpha, 255U));
}

}  // namespace

Decoded decode_tiff(const Source& source, const Header& header) {
    const TiffFile file(source);
    if (file.get() == nullptr) fail_damaged(source, file.complaint());
    require_readable(file, source);
    const Opacity opacity = opacity_of(file, source);
    RgbaReader reader(file, source);
    if (reader.width() != header.width || reader.height() != header.height) {
        throw Error(ErrorKind::image,
                    fmt::format("{} is a damaged TIFF file: its size is {} x {} or {} x {} pixels", source.name,
                                header.width, header.height, reader.width(), reader.height()));
    }
    std::vector<std::uint32_t> pixels;
    if (!reader.read(pixels) || !file.complaint().empty()) fail_damaged(source, file.complaint());

    Decoded decoded{.image = allocate(static_cast<int>(header.width), static_cast<int>(header.height), source),
                    .width = static_cast<int>(header.width),
                    .height = static_cast<int>(header.height),
                    .orientation = header.orientation,
                    .depth = reader.depth()};
    if (decoded.depth) {
        decoded.depth->said = stated_bits(file);
        // A statement that the samples belie says nothing.
        if (decoded.depth->said && decoded.depth->greatest > white_of(*decoded.depth->said))
            decoded.depth->said.reset();
    }
    std::uint8_t* target = decoded.image.rgb.data();
    for (const std::uint32_t pixel : pixels) {
        const std::uint32_t alpha = opacity == Opacity::none ? 255U : TIFFGetA(pixel);
        *target++ = on_white(TIFFGetR(pixel), alpha, opacity);
        *target++ = on_white(TIFFGetG(pixel), alpha, opacity);
        *target++ = on_white(TIFFGetB(pixel), alpha, opacity);
    }
    return decoded;
}

}  // namespace locus::image
