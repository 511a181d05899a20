#include "image/decode.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <fmt/core.h>
#include <sys/stat.h>

#include "image/decoders.hpp"
#include "image/header.hpp"
#include "image/orient.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "report/utf8.hpp"

namespace locus::image {
namespace {

std::string quoted(const std::string& name) { return "'" + report::to_utf8(name) + "'"; }

std::vector<std::byte> read_file(const std::filesystem::path& path, const std::string& name, std::int64_t max_bytes) {
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
    if (!file) throw Error(ErrorKind::io, fmt::format("{} cannot be opened: {}.", name, std::strerror(errno)));
    struct stat status {};
    if (fstat(fileno(file.get()), &status) != 0) {
        throw Error(ErrorKind::io, fmt::format("{} cannot be read: {}.", name, std::strerror(errno)));
    }
    if (S_ISDIR(status.st_mode)) {
        throw Error(ErrorKind::io, fmt::format("{} is a folder: an image file was expected.", name));
    }
    const auto too_large = [&] {
        return Error(ErrorKind::resource,
                     fmt::format("{} is larger than the limit of {} bytes for an image file.", name, max_bytes));
    };
    if (status.st_size > max_bytes) throw too_large();

    // One byte more than the file is said to hold: the end shows in the first read. Pipes say 0 and are read in pieces.
    std::setvbuf(file.get(), nullptr, _IONBF, 0);
    std::vector<std::byte> bytes(static_cast<std::size_t>(status.st_size) + 1);
    std::size_t filled = 0;
    for (;;) {
        const std::size_t got = std::fread(bytes.data() + filled, 1, bytes.size() - filled, file.get());
        filled += got;
        if (filled < bytes.size()) break;
        if (filled > static_cast<std::size_t>(max_bytes)) throw too_large();
        bytes.resize(std::max<std::size_t>(bytes.size() * 2, 65536));
    }
    if (std::ferror(file.get()) != 0) {
        throw Error(ErrorKind::io, fmt::format("{} cannot be read: {}.", name, std::strerror(errno)));
    }
    bytes.resize(filled);
    return bytes;
}

Decoded decode_as_stored(const Source& source) {
    const Header header = read_header(source.bytes, source.name);
    if (header.format == Format::jpeg) return decode_jpeg(source);
    require_size(header.width, header.height, source);
    switch (header.format) {
        case Format::png:
            return decode_png(source, header);
        case Format::gif:
            return decode_gif(source);
        default:
            return decode_with_opencv(source, header);
    }
}

Photo decode_named(std::span<const std::byte> bytes, std::string name, const DecodeOptions& options) {
    const Source source{bytes, std::move(name), options};
    try {
        Decoded decoded = decode_as_stored(source);
        Photo photo{.width = decoded.width, .height = decoded.height};
        if (swaps_sides(decoded.orientation)) std::swap(photo.width, photo.height);
        photo.image = upright(std::move(decoded.image), decoded.orientation);
        return photo;
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("{} needs more memory than there is.", source.name));
    }
}

}  // namespace

void require_size(std::int64_t width, std::int64_t height, const Source& source) {
    if (width <= 0 || height <= 0) {
        throw Error(ErrorKind::image,
                    fmt::format("{} has no pixels: its header says {} x {}.", source.name, width, height));
    }
    const DecodeOptions& limits = source.options;
    if (width > limits.max_side || height > limits.max_side) {
        throw Error(ErrorKind::resource, fmt::format("{} is {} x {} pixels: no side may be longer than {}.",
                                                     source.name, width, height, limits.max_side));
    }
    if (width * height > limits.max_pixels) {
        throw Error(ErrorKind::resource,
                    fmt::format("{} is {} x {} pixels: more than the limit of {} million.", source.name, width, height,
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
                    fmt::format("{} is {} x {} pixels: there is no memory for that.", source.name, width, height));
    }
}

Photo decode(const std::filesystem::path& file, const DecodeOptions& options) {
    const std::string name = quoted(file.native());
    try {
        const std::vector<std::byte> bytes = read_file(file, name, options.max_bytes);
        return decode_named(bytes, name, options);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorKind::resource, fmt::format("{} needs more memory than there is.", name));
    }
}

Photo decode(std::span<const std::byte> bytes, const std::string& name, const DecodeOptions& options) {
    return decode_named(bytes, quoted(name), options);
}

}  // namespace locus::image

namespace locus {

Image read_image(const std::filesystem::path& file) { return image::decode(file).image; }

}  // namespace locus
