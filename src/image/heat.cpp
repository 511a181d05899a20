#include "image/heat.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/core.h>

#include "locus/error.hpp"
#include "locus/overlay.hpp"
#include "vectorised.hpp"

namespace locus::image {
namespace {

constexpr std::size_t block = 256;  // pixels done at a time, on the stack

LOCUS_VECTORISED
void to_indices(const float* values, std::size_t count, float low, float factor, std::uint8_t* indices) {
    for (std::size_t i = 0; i < count; ++i) {
        const float position = (values[i] - low) * factor + 0.5F;
        const float bounded = position > 0 ? position : 0;  // NaN becomes 0
        indices[i] = static_cast<std::uint8_t>(static_cast<int>(bounded < 255 ? bounded : 255));
    }
}

/// out = heat + photo * share / 256, which stays below 256: the heat's share was rounded, the photo's is cut.
LOCUS_VECTORISED
void add_photo(const std::uint8_t* heat, const std::uint8_t* photo, unsigned share, std::size_t count,
               std::uint8_t* out) {
    const auto factor = static_cast<std::uint16_t>(share);
    for (std::size_t i = 0; i < count; ++i) {
        out[i] = static_cast<std::uint8_t>(
            heat[i] + static_cast<std::uint8_t>(static_cast<std::uint16_t>(photo[i] * factor) >> 8U));
    }
}

std::array<double, 256> opacities(double alpha, bool is_signed) {
    require_opacity(alpha);
    std::array<double, 256> opacity{};
    opacity.fill(alpha);
    for (std::size_t i = 0; is_signed && i < 256; ++i) {
        opacity[i] *= std::min(1.0, 0.25 + 1.5 * std::abs(static_cast<double>(i) - 127.5) / 127.5);
    }
    return opacity;
}

}  // namespace

void require_opacity(double alpha) {
    if (alpha >= 0 && alpha <= 1) return;
    throw Error(ErrorKind::usage, fmt::format("an opacity of {} is not possible: it lies between 0 and 1", alpha));
}

HeatScale heat_scale(float least, float greatest, bool is_signed) {
    if (!is_signed) return {0, std::max(greatest, 0.0F)};
    const float most = std::max(std::abs(least), std::abs(greatest));
    return {-most, most, 128};
}

HeatPalette::HeatPalette(const std::string& colormap_name, double alpha, bool is_signed)
    : HeatPalette(colormap_name, is_signed, opacities(alpha, is_signed)) {}

HeatPalette HeatPalette::opaque(const std::string& colormap_name, bool is_signed) {
    std::array<double, 256> all{};
    all.fill(1);
    return {colormap_name, is_signed, all};
}

HeatPalette::HeatPalette(const std::string& colormap_name, bool is_signed, const std::array<double, 256>& opacity) {
    const auto& named = colormap(colormap_name);
    const bool is_diverging = colormap_name == diverging_colormap;
    const std::string diverging(diverging_colormap);  // named, for compilers that fear for what colormap returns
    const auto& colors = is_signed ? colormap(diverging) : named;
    for (std::size_t i = 0; i < 256; ++i) {
        // Of diverging colours, evidence without sign takes the upper half.
        const auto& rgb = colors[is_diverging && !is_signed ? 128 + i / 2 : i];
        const double share = std::round(256 * opacity[i]) / 256;
        for (std::size_t c = 0; c < 3; ++c) color[i][c] = static_cast<std::uint8_t>(std::floor(rgb[c] * share + 0.5));
        photo[i] = static_cast<std::uint16_t>(256 - 256 * share);
        is_uniform = is_uniform && photo[i] == photo[0];
    }
}

void heat_indices(std::span<const float> values, const HeatScale& scale, std::uint8_t* indices) {
    const float extent = scale.high - scale.low;
    const bool has_extent = extent > 0 && std::isfinite(extent);
    if (!has_extent) {
        std::fill_n(indices, values.size(), scale.flat);
        return;
    }
    to_indices(values.data(), values.size(), scale.low, 255 / extent, indices);
}

void blend_heat(std::span<const float> values, const HeatScale& scale, const HeatPalette& palette,
                const std::uint8_t* photo, std::uint8_t* out) {
    std::array<std::uint8_t, block> indices{};
    std::array<std::uint8_t, 3 * block + 1> heat{};  // colours are stored four bytes at a time
    for (std::size_t begin = 0; begin < values.size(); begin += block) {
        const std::size_t count = std::min(block, values.size() - begin);
        heat_indices(values.subspan(begin, count), scale, indices.data());
        for (std::size_t i = 0; i < count; ++i) std::memcpy(heat.data() + 3 * i, palette.color[indices[i]].data(), 4);
        const std::uint8_t* source = photo + 3 * begin;
        std::uint8_t* target = out + 3 * begin;
        if (palette.is_uniform) {
            add_photo(heat.data(), source, palette.photo[0], 3 * count, target);
            continue;
        }
        for (std::size_t i = 0; i < count; ++i) {
            const unsigned share = palette.photo[indices[i]];
            for (std::size_t c = 0; c < 3; ++c) {
                target[3 * i + c] = static_cast<std::uint8_t>(heat[3 * i + c] + (source[3 * i + c] * share >> 8U));
            }
        }
    }
}

}  // namespace locus::image
