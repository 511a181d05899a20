#include "locus/overlay.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "image/annotation.hpp"
#include "image/heat.hpp"
#include "image/overlay_raw.hpp"
#include "image/pixels.hpp"
#include "localize/extremes.hpp"
#include "localize/row_interpolator.hpp"
#include "localize/size_limit.hpp"
#include "localize/threshold.hpp"
#include "locus/error.hpp"

namespace locus {
namespace {

using image::HeatPalette;
using image::HeatScale;
using localize::Extremes;

HeatScale scale_of(const Extremes& range, bool is_signed) {
    return range.is_empty() ? image::heat_scale(0, 0, is_signed)
                            : image::heat_scale(range.least, range.greatest, is_signed);
}

void require_map(const Map& map) {
    const auto count =
        static_cast<std::size_t>(std::max(map.width, 0)) * static_cast<std::size_t>(std::max(map.height, 0));
    if (count == 0 || map.values.size() != count) {
        throw Error(ErrorKind::usage, fmt::format("a map of {} x {} with {} values cannot be drawn", map.width,
                                                  map.height, map.values.size()));
    }
    localize::require_size(map.width, map.height);
}

std::span<const float> row_of(const Map& map, int y) {
    return std::span(map.values)
        .subspan(static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width),
                 static_cast<std::size_t>(map.width));
}

Image blank(const Map& map) {
    return {.width = map.width, .height = map.height, .rgb = std::vector<std::uint8_t>(map.values.size() * 3)};
}

void annotate(Image& picture, const HeatScale& scale, const std::vector<Box>& boxes, const OverlayOptions& options) {
    if (options.draw_boxes) image::draw_boxes(picture, boxes);
    if (options.legend) image::draw_legend(picture, scale, HeatPalette::opaque(options.colormap, options.is_signed));
    image::draw_label(picture, options.label, boxes);
}

/// A raw map at the resolution of a picture, where the network saw it.
class SeenHeat {
public:
    SeenHeat(const Map& raw, int width, int height, const Region& region, bool is_signed)
        : rows_(raw, width, height, region),
          across_(localize::axis_positions(raw.width, width, region.x, region.width)),
          down_(localize::axis_positions(raw.height, height, region.y, region.height)),
          values_(static_cast<std::size_t>(width)) {
        Extremes range;
        for (const int y : rows_.extreme_rows())
            if (y >= down_.first && y < down_.last) range.take(row(y));
        scale_ = scale_of(range, is_signed);
    }

    const HeatScale& scale() const { return scale_; }

    /// Over what the picture shows there.
    void draw(Image& picture, const HeatPalette& palette) {
        for (int y = down_.first; y < down_.last; ++y) {
            std::uint8_t* pixels = picture.pixel(across_.first, y);
            image::blend_heat(row(y), scale_, palette, pixels, pixels);
        }
    }

private:
    std::span<const float> row(int y) {
        rows_.row(y, values_);
        return std::span(values_).subspan(static_cast<std::size_t>(across_.first),
                                          static_cast<std::size_t>(across_.last - across_.first));
    }

    localize::RowInterpolator rows_;
    localize::AxisPositions across_, down_;
    std::vector<float> values_;
    HeatScale scale_;
};

}  // namespace

Image overlay(const Image& photo, const Map& map, const std::vector<Box>& boxes, const OverlayOptions& options) {
    image::require_pixels(photo);
    require_map(map);
    if (photo.width != map.width || photo.height != map.height) {
        throw Error(ErrorKind::usage, fmt::format("a map of {} x {} does not fit a photo of {} x {}: upsample it first",
                                                  map.width, map.height, photo.width, photo.height));
    }
    const HeatPalette palette(options.colormap, options.alpha, options.is_signed);
    Extremes range;
    range.take(map.values);
    const HeatScale scale = scale_of(range, options.is_signed);
    Image picture{.width = photo.width, .height = photo.height, .rgb = std::vector<std::uint8_t>(photo.rgb.size())};
    for (int y = 0; y < photo.height; ++y) {
        image::blend_heat(row_of(map, y), scale, palette, photo.pixel(0, y), picture.pixel(0, y));
    }
    annotate(picture, scale, boxes, options);
    return picture;
}

void draw_overlay_raw(Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                      const OverlayOptions& options) {
    image::require_pixels(photo);
    const HeatPalette palette(options.colormap, options.alpha, options.is_signed);
    SeenHeat heat(raw, photo.width, photo.height, region, options.is_signed);
    heat.draw(photo, palette);
    annotate(photo, heat.scale(), boxes, options);
}

Image overlay_raw(const Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                  const OverlayOptions& options) {
    Image picture = photo;
    draw_overlay_raw(picture, raw, region, boxes, options);
    return picture;
}

Image heatmap_raw(const Map& raw, int width, int height, const Region& region, const OverlayOptions& options) {
    const HeatPalette palette = HeatPalette::opaque(options.colormap, options.is_signed);
    SeenHeat heat(raw, width, height, region, options.is_signed);
    Image picture{.width = width, .height = height, .rgb = {}};
    picture.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    const std::array<float, 1> nothing{0};
    std::uint8_t index = 0;
    image::heat_indices(nothing, heat.scale(), &index);
    for (std::size_t i = 0; i < picture.rgb.size(); i += 3)
        std::copy_n(palette.color[index].data(), 3, &picture.rgb[i]);
    heat.draw(picture, palette);
    if (options.legend) image::draw_legend(picture, heat.scale(), palette);
    return picture;
}

Image heatmap(const Map& map, const OverlayOptions& options) {
    require_map(map);
    const HeatPalette palette = HeatPalette::opaque(options.colormap, options.is_signed);
    Extremes range;
    range.take(map.values);
    const HeatScale scale = scale_of(range, options.is_signed);
    Image picture = blank(map);
    for (int y = 0; y < map.height; ++y) {
        std::uint8_t* pixels = picture.pixel(0, y);
        image::blend_heat(row_of(map, y), scale, palette, pixels, pixels);
    }
    if (options.legend) image::draw_legend(picture, scale, palette);
    return picture;
}

Image mask(const Map& map, double threshold) {
    require_map(map);
    localize::require_threshold(threshold);
    Extremes range;
    range.take(map.values);
    Image picture = blank(map);
    if (!(range.greatest > 0)) return picture;
    // The comparison that boxes() makes: infinities and NaN are never in.
    const double limit = threshold * static_cast<double>(range.greatest);
    for (std::size_t i = 0; i < map.values.size(); ++i) {
        const float value = map.values[i];
        if (std::isfinite(value) && static_cast<double>(value) > limit)
            std::fill_n(picture.rgb.data() + 3 * i, 3, std::uint8_t{255});
    }
    return picture;
}

}  // namespace locus
