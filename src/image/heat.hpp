#pragma once

/// Values of a map as colours over a photo.
///
///     const image::HeatScale scale = image::heat_scale(least, greatest, is_signed);
///     const image::HeatPalette palette(colormap, 0.5, is_signed);
///     image::blend_heat(values, scale, palette, photo_row, out_row);      // one row of pixels

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace locus::image {

/// The values at the two ends of the colours: 0 and the greatest, or minus and plus the largest absolute value.
struct HeatScale {
    float low = 0;
    float high = 0;
    std::uint8_t flat = 0;  ///< index of the colour that all pixels take where the map has nothing to show: low = high
};

/// Throws Error(usage) for an opacity outside [0, 1].
void require_opacity(double alpha);

HeatScale heat_scale(float least, float greatest, bool is_signed);

/// 256 colours mixed in advance for one opacity.
struct HeatPalette {
    /// `colormap` and `alpha` (0 ... 1) as OverlayOptions has them. Signed heat always takes the diverging colours, and
    /// is more transparent the nearer it is to nothing: a neutral white over everything would only pale the photo.
    /// Throws Error(usage).
    HeatPalette(const std::string& colormap, double alpha, bool is_signed);

    /// The colours themselves, for heat without a photo and for legends.
    static HeatPalette opaque(const std::string& colormap, bool is_signed);

    /// Share of the heat in red, green, blue: bytes 0, 1, 2 in memory.
    std::array<std::array<std::uint8_t, 4>, 256> color{};
    std::array<std::uint16_t, 256> photo{};  ///< share of the photo, of 256
    bool is_uniform = true;                  ///< one opacity for all

private:
    HeatPalette(const std::string& colormap, bool is_signed, const std::array<double, 256>& opacity);
};

/// The colour's index of each value.
void heat_indices(std::span<const float> values, const HeatScale& scale, std::uint8_t* indices);

/// values.size() pixels of the photo under their heat. `out` may be `photo`.
void blend_heat(std::span<const float> values, const HeatScale& scale, const HeatPalette& palette,
                const std::uint8_t* photo, std::uint8_t* out);

}  // namespace locus::image
