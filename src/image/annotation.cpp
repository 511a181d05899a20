#include "image/annotation.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "image/text.hpp"

namespace locus::image {
namespace {

constexpr Color white{255, 255, 255};
constexpr Color dark{16, 16, 16};
constexpr int plate_opacity = 176;  // of 256
constexpr int least_side = 64;

int shorter_side(const Image& picture) { return std::min(picture.width, picture.height); }

/// A frame of this thickness just inside the rectangle.
void draw_frame(Image& picture, int x, int y, int width, int height, int thickness, Color color, int opacity) {
    const int across = std::min(thickness, width);
    const int down = std::min(thickness, height);
    const int between = std::max(0, height - 2 * down);
    fill(picture, x, y, width, down, color, opacity);
    if (height > down) fill(picture, x, y + height - down, width, down, color, opacity);
    fill(picture, x, y + down, across, between, color, opacity);
    if (width > across) fill(picture, x + width - across, y + down, across, between, color, opacity);
}

}  // namespace

int text_height(const Image& picture) {
    if (shorter_side(picture) < least_side) return 0;
    // The geometric mean of the sides, so that panoramas and towers get neither tiny nor huge letters.
    const double side =
        std::min(std::sqrt(static_cast<double>(picture.width) * picture.height), 2.0 * shorter_side(picture));
    return std::max(8, static_cast<int>(std::lround(side * 0.028)));
}

std::string class_name_in_picture(const Explanation& explanation) {
    const std::string& name = explanation.short_name;
    return name.empty() || !is_writable(name) ? fmt::format("class {}", explanation.class_index) : name;
}

void draw_boxes(Image& picture, const std::vector<Box>& boxes) {
    const int line = std::max(1, static_cast<int>(std::lround(shorter_side(picture) * 0.006)));
    const int rim = std::max(1, line / 2);
    // The first box comes last, on top of the others.
    for (std::size_t i = boxes.size(); i-- > 0;) {
        const Box& b = boxes[i];
        // The white line lies on the box's own outermost pixels, dark rims on either side of it.
        draw_frame(picture, b.x - rim, b.y - rim, b.width + 2 * rim, b.height + 2 * rim, line + 2 * rim, dark,
                   i == 0 ? 208 : 128);
        draw_frame(picture, b.x, b.y, b.width, b.height, line, white, i == 0 ? 256 : 176);
    }
}

void draw_label(Image& picture, const std::string& label, const std::vector<Box>& boxes) {
    const int capitals = text_height(picture);
    if (capitals == 0 || label.empty()) return;
    const int pad = std::max(2, capitals / 2);
    const int gap = std::max(1, capitals / 4);
    const Text text = render_text_within(label, capitals, picture.width - 2 * pad);
    if (text.width == 0) return;
    const int width = text.width + 2 * pad;
    const int height = capitals + 2 * pad;
    int x = 0;
    int y = 0;
    if (!boxes.empty()) {
        const Box& box = boxes.front();
        x = std::clamp(box.x, 0, picture.width - width);
        y = box.y - height - gap;
        if (y < 0) y = std::clamp(box.y + gap + 2, 0, std::max(0, picture.height - height));
        if (box.y - height - gap < 0) x = std::clamp(box.x + gap + 2, 0, picture.width - width);
    }
    fill(picture, x, y, width, height, dark, plate_opacity);
    draw_text(picture, text, x + pad, y + pad, white);
}

std::string legend_number(double value) {
    if (value == 0) return "0";
    const double size = std::abs(value);
    if (size >= 0.01 && size < 10000) return fmt::format("{:.{}f}", value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
    return fmt::format("{:.1e}", value);
}

void draw_legend(Image& picture, const HeatScale& scale, const HeatPalette& opaque) {
    const int capitals = text_height(picture);
    if (capitals == 0) return;
    const int pad = std::max(2, capitals / 2);
    const Text low = render_text(legend_number(scale.low), capitals);
    const Text high = render_text(legend_number(scale.high), capitals);
    const int bar = 7 * capitals;
    const int width = low.width + high.width + bar + 4 * pad;
    const int height = capitals + 2 * pad;
    if (width > 0.7 * picture.width || height > 0.4 * picture.height) return;
    const int x = picture.width - width;
    const int y = picture.height - height;
    fill(picture, x, y, width, height, dark, plate_opacity);
    draw_text(picture, low, x + pad, y + pad, white);
    const int bar_x = x + 2 * pad + low.width;
    for (int i = 0; i < bar; ++i) {
        const auto& color = opaque.color[static_cast<std::size_t>(i * 255 / std::max(1, bar - 1))];
        fill(picture, bar_x + i, y + pad, 1, capitals, {color[0], color[1], color[2]});
    }
    draw_text(picture, high, bar_x + bar + pad, y + pad, white);
}

}  // namespace locus::image
