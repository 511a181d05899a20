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
    const localize::RowInterpolator rows(raw, photo.width, photo.height, region);
    const localize::AxisPositions across = localize::axis_positions(raw.width, photo.width, region.x, region.width);
    const localize::AxisPositions down = localize::axis_positions(raw.height, photo.height, region.y, region.height);
    std::vector<float> values(static_cast<std::size_t>(photo.width));
    const auto seen = std::span(values).subspan(static_cast<std::size_t>(across.first),
                                                static_cast<std::size_t>(across.last - across.first));

    Extremes range;
    for (const int y : rows.extreme_rows()) {
        if (y < down.first || y >= down.last) continue;
        rows.row(y, values);
        range.take(seen);
    }
    const HeatScale scale = scale_of(range, options.is_signed);

    for (int y = down.first; y < down.last; ++y) {
        rows.row(y, values);
        std::uint8_t* pixels = photo.pixel(across.first, y);
        image::blend_heat(seen, scale, palette, pixels, pixels);
    }
    annotate(photo, scale, boxes, options);
}

Image overlay_raw(const Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                  const OverlayOptions& options) {
    Image picture = photo;
    draw_overlay_raw(picture, raw, region, boxes, options);
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
