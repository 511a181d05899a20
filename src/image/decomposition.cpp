#include "image/decomposition.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "image/annotation.hpp"
#include "image/preview.hpp"
#include "image/text.hpp"
#include "locus/error.hpp"
#include "locus/overlay.hpp"

namespace locus {
namespace {

using image::Color;
using image::Text;

constexpr int tile_side = 240;   // longer side of a tile, pixels
constexpr int most_columns = 6;  // tiles in one row of the figure
constexpr int capitals = 9;      // height of letters
constexpr int line_height = 17;
constexpr int margin = 14;
constexpr int gap = 34;  // between tiles: room for "+" and "="
constexpr int caption_height = 2 * line_height + 10;
constexpr Color ink{24, 24, 24};
constexpr Color faint{110, 110, 110};

struct Tile {
    Map map;            ///< what the tile adds
    std::string title;  ///< first line under it
    char sign = '+';    ///< before the tile
};

double mean(const Map& map) {
    return std::accumulate(map.values.begin(), map.values.end(), 0.0) / static_cast<double>(map.values.size());
}

/// Parts, the rest, and the whole.
std::vector<Tile> tiles_of(const Explanation& explanation) {
    if (explanation.parts.empty()) {
        throw Error(ErrorKind::usage,
                    "the explanation has no parts: ask for them when the explainer is made (ExplainerOptions::parts)");
    }
    std::vector<Tile> tiles;
    Map rest = explanation.map;
    for (const Part& part : explanation.parts) {
        if (rest.values.empty() || part.map.width != rest.width || part.map.height != rest.height ||
            part.map.values.size() != rest.values.size()) {
            throw Error(
                ErrorKind::usage,
                fmt::format(
                    "the map of channel {} is {} x {}, the class activation map {} x {}: they must be of one size",
                    part.channel, part.map.width, part.map.height, rest.width, rest.height));
        }
        Tile tile{.map = part.map, .title = fmt::format("{:.3g} x channel {}", part.weight, part.channel)};
        for (std::size_t i = 0; i < rest.values.size(); ++i) {
            tile.map.values[i] = static_cast<float>(part.weight * part.map.values[i]);
            rest.values[i] -= tile.map.values[i];
        }
        tiles.push_back(std::move(tile));
    }
    tiles.front().sign = ' ';
    tiles.push_back({.map = std::move(rest), .title = "all other channels"});
    tiles.push_back({.map = explanation.map, .title = image::class_name_in_picture(explanation), .sign = '='});
    return tiles;
}

/// One line of text, centred about x where it fits into `width`.
void draw_centred(Image& figure, const std::string& words, int x, int y, int width, Color color) {
    const Text text = image::render_text_within(words, capitals, width);
    image::draw_text(figure, text, x - text.width / 2, y, color);
}

/// "+" or "=" of straight strokes, centred at (x, y).
void draw_sign(Image& figure, char sign, int x, int y) {
    constexpr int half = 7, stroke = 2;
    if (sign == '+') {
        image::fill(figure, x - half, y - stroke / 2, 2 * half, stroke, ink);
        image::fill(figure, x - stroke / 2, y - half, stroke, 2 * half, ink);
    } else if (sign == '=') {
        image::fill(figure, x - half, y - 4, 2 * half, stroke, ink);
        image::fill(figure, x - half, y + 3, 2 * half, stroke, ink);
    }
}

void draw_tile(Image& figure, const Image& photo, const Tile& tile, const Region& region, const OverlayOptions& options,
               int x, int y) {
    const auto [least, greatest] = std::minmax_element(tile.map.values.begin(), tile.map.values.end());
    const bool is_against = -*least > *greatest;
    const OverlayOptions heat{.colormap = options.colormap,
                              .alpha = options.alpha,
                              .is_signed = options.is_signed || is_against,
                              .legend = false,
                              .draw_boxes = false};
    const Image picture = overlay_raw(photo, tile.map, region, {}, heat);
    for (int row = 0; row < picture.height; ++row) {
        std::copy_n(picture.pixel(0, row), static_cast<std::size_t>(picture.width) * 3, figure.pixel(x, y + row));
    }
    const int middle = x + photo.width / 2;
    const int room = photo.width + gap - 4;
    draw_centred(figure, tile.title, middle, y + photo.height + 9, room, ink);
    const std::string extreme = is_against ? fmt::format("min {}", image::legend_number(*least))
                                           : fmt::format("max {}", image::legend_number(*greatest));
    draw_centred(figure, fmt::format("mean {}, {}", image::legend_number(mean(tile.map)), extreme), middle,
                 y + photo.height + 9 + line_height, room, faint);
}

}  // namespace

Image decomposition(const Image& photo, const Explanation& explanation, const Region& region,
                    const OverlayOptions& options) {
    const std::vector<Tile> tiles = tiles_of(explanation);
    const int longer = std::max({photo.width, photo.height, 1});
    const double scale = static_cast<double>(tile_side) / longer;
    // Panoramas and towers keep a side that can be seen.
    const auto side = [&](int pixels) {
        return std::max(tile_side / 8, static_cast<int>(std::lround(pixels * scale)));
    };
    const Image small = image::resized(photo, side(photo.width), side(photo.height));
    const double across = static_cast<double>(small.width) / photo.width;
    const double down = static_cast<double>(small.height) / photo.height;
    const Region seen{region.x * across, region.y * down, region.width * across, region.height * down};

    const int count = static_cast<int>(tiles.size());
    const int rows = (count + most_columns - 1) / most_columns;
    const int columns = (count + rows - 1) / rows;
    const int tile_width = small.width + gap;
    const int tile_height = small.height + caption_height;
    Image figure{.width = 2 * margin + columns * tile_width, .height = 2 * margin + rows * tile_height, .rgb = {}};
    figure.rgb.assign(static_cast<std::size_t>(figure.width) * static_cast<std::size_t>(figure.height) * 3, 255);
    for (int i = 0; i < count; ++i) {
        const Tile& tile = tiles[static_cast<std::size_t>(i)];
        const int x = margin + i % columns * tile_width + gap / 2;
        const int y = margin + i / columns * tile_height;
        draw_tile(figure, small, tile, seen, options, x, y);
        draw_sign(figure, tile.sign, x - gap / 2, y + small.height / 2);
    }
    return figure;
}

}  // namespace locus
