#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <fmt/core.h>
#include <gif_lib.h>

#include "image/decoders.hpp"
#include "locus/error.hpp"

namespace locus::image {
namespace {

struct Close {
    void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

int read_bytes(GifFileType* gif, GifByteType* target, int count) {
    auto& rest = *static_cast<std::span<const std::byte>*>(gif->UserData);
    const std::size_t taken = std::min<std::size_t>(rest.size(), static_cast<std::size_t>(count));
    std::memcpy(target, rest.data(), taken);
    rest = rest.subspan(taken);
    return static_cast<int>(taken);
}

[[noreturn]] void fail(const Source& source, int code, bool reached_end) {
    if (reached_end) {
        throw Error(ErrorKind::image, fmt::format("{} is truncated: its {} bytes end before the GIF's first frame does",
                                                  source.name, source.bytes.size()));
    }
    const char* reason = GifErrorString(code);
    throw Error(ErrorKind::image, fmt::format("{} is a damaged GIF file: {}", source.name,
                                              reason != nullptr ? reason : "its records make no sense"));
}

/// Rows of an interlaced frame in the order they are stored: every 8th from 0, every 8th from 4, every 4th from 2,
/// every 2nd from 1 (GIF89a, appendix E).
std::vector<int> row_order(int height, bool is_interlaced) {
    std::vector<int> rows;
    rows.reserve(static_cast<std::size_t>(height));
    if (!is_interlaced) {
        for (int y = 0; y < height; ++y) rows.push_back(y);
        return rows;
    }
    constexpr std::array<std::array<int, 2>, 4> passes{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    for (const auto& [first, step] : passes) {
        for (int y = first; y < height; y += step) rows.push_back(y);
    }
    return rows;
}

/// Draws the frame whose descriptor was just read onto the canvas.
void draw_frame(GifFileType* gif, int transparent, Image& canvas, const Source& source,
                const std::span<const std::byte>& rest) {
    const GifImageDesc& frame = gif->Image;
    const ColorMapObject* colors = frame.ColorMap != nullptr ? frame.ColorMap : gif->SColorMap;
    if (colors == nullptr)
        throw Error(ErrorKind::image, fmt::format("{} is a GIF file without a colour table", source.name));
    std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
    for (const int row : row_order(frame.Height, frame.Interlace)) {
        if (DGifGetLine(gif, line.data(), frame.Width) == GIF_ERROR) fail(source, gif->Error, rest.empty());
        const int y = frame.Top + row;
        if (y < 0 || y >= canvas.height) continue;
        for (int x = std::max(0, -frame.Left); x < frame.Width && frame.Left + x < canvas.width; ++x) {
            const int index = line[static_cast<std::size_t>(x)];
            if (index == transparent || index >= colors->ColorCount) continue;
            const GifColorType& color = colors->Colors[index];
            std::uint8_t* pixel = canvas.pixel(frame.Left + x, y);
            pixel[0] = color.Red;
            pixel[1] = color.Green;
            pixel[2] = color.Blue;
        }
    }
}

/// The transparent index that a graphic control extension names, or the one known before.
int transparent_index(const GifByteType* block, int code, int known) {
    GraphicsControlBlock control{};
    if (code != GRAPHICS_EXT_FUNC_CODE || block == nullptr ||
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_ERROR) {
        return known;
    }
    return control.TransparentColor;
}

}  // namespace

Decoded decode_gif(const Source& source) {
    std::span<const std::byte> rest = source.bytes;
    int code = 0;
    const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&rest, read_bytes, &code));
    if (!gif) fail(source, code, rest.empty());

    int transparent = NO_TRANSPARENT_COLOR;
    for (;;) {
        GifRecordType type = UNDEFINED_RECORD_TYPE;
        if (DGifGetRecordType(gif.get(), &type) == GIF_ERROR) fail(source, gif->Error, rest.empty());
        if (type == TERMINATE_RECORD_TYPE) {
            throw Error(ErrorKind::image, fmt::format("{} is a GIF file without a frame", source.name));
        }
        if (type == EXTENSION_RECORD_TYPE) {
            int extension = 0;
            GifByteType* block = nullptr;
            int status = DGifGetExtension(gif.get(), &extension, &block);
            while (status != GIF_ERROR && block != nullptr) {
                transparent = transparent_index(block, extension, transparent);
                status = DGifGetExtensionNext(gif.get(), &block);
            }
            if (status == GIF_ERROR) fail(source, gif->Error, rest.empty());
            continue;
        }
        if (type != IMAGE_DESC_RECORD_TYPE) continue;
        if (DGifGetImageDesc(gif.get()) == GIF_ERROR) fail(source, gif->Error, rest.empty());
        require_size(gif->Image.Width, gif->Image.Height, source);
        Image canvas = allocate(gif->SWidth, gif->SHeight, source);
        std::fill(canvas.rgb.begin(), canvas.rgb.end(), std::uint8_t{255});
        draw_frame(gif.get(), transparent, canvas, source, rest);
        return {.image = std::move(canvas), .width = gif->SWidth, .height = gif->SHeight};
    }
}

}  // namespace locus::image
