#include "image/decode.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/decoders.hpp"
#include "image/header.hpp"
#include "image/orient.hpp"
#include "image/sample_depth.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "text/utf8.hpp"

namespace locus::image {
namespace {

std::string quoted(const std::string& name) { return "'" + text::to_utf8(name) + "'"; }

/// An open file, read in pieces. A pipe is opened before anybody writes to it and never waited for where `stop` could
/// not be seen.
class InputFile {
public:
    InputFile(const std::filesystem::path& path, const std::string& name, const std::atomic<bool>* stop)
        : name_(name), stop_(stop), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
        if (descriptor_ < 0)
            throw Error(ErrorKind::io, fmt::format("{} cannot be opened: {}", name_, std::strerror(errno)));
    }
    ~InputFile() { ::close(descriptor_); }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    struct stat status() const {
        struct stat status {};
        if (::fstat(descriptor_, &status) != 0) fail();
        return status;
    }

    /// As many bytes as there are now, at least one; 0 at the end.
    std::size_t read(std::span<std::byte> into) const {
        for (;;) {
            wait_until_readable();
            const ssize_t got = ::read(descriptor_, into.data(), into.size());
            if (got >= 0) return static_cast<std::size_t>(got);
            if (errno != EINTR && errno != EAGAIN) fail();
        }
    }

private:
    [[noreturn]] void fail() const {
        throw Error(ErrorKind::io, fmt::format("{} cannot be read: {}", name_, std::strerror(errno)));
    }

    /// A file always is. A pipe is when bytes came or its last writer left; before the first writer there is neither.
    void wait_until_readable() const {
        constexpr int milliseconds = 100;
        for (;;) {
            pollfd event{.fd = descriptor_, .events = POLLIN, .revents = 0};
            const int ready = ::poll(&event, 1, milliseconds);
            if (ready > 0) return;
            if (ready < 0 && errno != EINTR) fail();
            if (stop_ != nullptr && *stop_) throw Stopped{};
        }
    }

    const std::string& name_;
    const std::atomic<bool>* stop_;
    int descriptor_;
};

std::vector<std::byte> read_file(const std::filesystem::path& path, const std::string& name,
                                 const DecodeOptions& options) {
    const InputFile file(path, name, options.stop);
    const struct stat status = file.status();
    if (S_ISDIR(status.st_mode)) {
        throw Error(ErrorKind::io, fmt::format("{} is a folder: an image file was expected", name));
    }
    const auto too_large = [&] {
        return Error(ErrorKind::resource,
                     fmt::format("{} is larger than the limit of {} bytes for an image file", name, options.max_bytes));
    };
    if (status.st_size > options.max_bytes) throw too_large();

    // One byte more than the file is said to hold: a file that says the truth needs no more. Pipes say 0.
    std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size) + 1);
    std::size_t filled = 0;
    while (const std::size_t got = file.read(std::span(bytes).subspan(filled))) {
        filled += got;
        if (filled > static_cast<std::size_t>(options.max_bytes)) throw too_large();
        if (filled == bytes.size()) bytes.resize(std::max<std::size_t>(bytes.size() * 2, 65536));
    }
    bytes.resize(filled);
    return bytes;
}

Decoded decode_with(const Source& source, const Header& header) {
    switch (header.format) {
        case Format::png:
            return decode_png(source, header);
        case Format::gif:
            return decode_gif(source);
        default:
            return decode_rare(source, header);
    }
}

Decoded decode_as_stored(const Source& source) {
    const Header header = read_header(source.bytes, source.name);
    if (header.format == Format::jpeg) return decode_jpeg(source);
    require_size(header.width, header.height, source);
    Decoded decoded = decode_with(source, header);
    // What the samples are is known when all are read.
    const int said = decoded.depth && decoded.depth->said ? *decoded.depth->said : most_sample_bits;
    if (source.options.sample_bits != 0 || said == most_sample_bits) return decoded;
    Source again = source;
    again.options.sample_bits = said;
    return decode_with(again, header);
}

Photo decode_named(std::span<const std::byte> bytes, std::string name, const DecodeOptions& options) {
    if (options.sample_bits != 0 &&
        (options.sample_bits < least_sample_bits || options.sample_bits > most_sample_bits)) {
        throw Error(ErrorKind::usage, fmt::format("samples of {} bits are not possible: {} to {} are",
                                                  options.sample_bits, least_sample_bits, most_sample_bits));
    }
    const Source source{bytes, std::move(name), options};
    try {
        Decoded decoded = decode_as_stored(source);
        Photo photo{.width = decoded.width, .height = decoded.height};
        if (swaps_sides(decoded.orientation)) std::swap(photo.width, photo.height);
        photo.has_16_bits = decoded.depth.has_value();
        if (decoded.depth) photo.warning = depth_warning(*decoded.depth, options.sample_bits, source.name);
        photo.image = upright(std::move(decoded.image), decoded.orientation);
        return photo;
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("{} needs more memory than there is", source.name));
    }
}

}  // namespace

void require_size(std::int64_t width, std::int64_t height, const Source& source) {
    if (width <= 0 || height <= 0) {
        throw Error(ErrorKind::image,
                    fmt::format("{} has no pixels: its header says {} x {}", source.name, width, height));
    }
    const DecodeOptions& limits = source.options;
    if (width > limits.max_side || height > limits.max_side) {
        throw Error(ErrorKind::resource, fmt::format("{} is {} x {} pixels: no side may be longer than {}", source.name,
                                                     width, height, limits.max_side));
    }
    if (width * height > limits.max_pixels) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is {} x {} pixels: more than the limit of {} million", source.name, width, height,
                                static_cast<double>(limits.max_pixels) / 1e6));
    }
}

Image allocate(int width, int height, const Source& source) {
    try {
        return {
            .width = width,
            .height = height,
            .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3)};
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is {} x {} pixels: there is no memory for that", source.name, width, height));
    }
}

Photo decode(const std::filesystem::path& file, const DecodeOptions& options) {
    const std::string name = quoted(file.native());
    try {
        const std::vector<std::byte> bytes = read_file(file, name, options);
        return decode_named(bytes, name, options);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("{} needs more memory than there is", name));
    }
}

Photo decode(std::span<const std::byte> bytes, const std::string& name, const DecodeOptions& options) {
    return decode_named(bytes, quoted(name), options);
}

}  // namespace locus::image

namespace locus {

Image read_image(const std::filesystem::path& file, int sample_bits) {
    return image::decode(file, {.sample_bits = sample_bits}).image;
}

Image read_image(std::span<const std::byte> file, int sample_bits) {
    return image::decode(file, "the picture in memory", {.sample_bits = sample_bits}).image;
}

}  // namespace locus
