#pragma once

/// Words in pictures.
///
///     image::Text text = image::render_text("tabby 94 %", 11);
///     image::draw_text(picture, text, x, y, {255, 255, 255});

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "locus/image.hpp"

namespace locus::image {

using Color = std::array<std::uint8_t, 3>;

/// Nearest ASCII of UTF-8 text, all that the font has: Latin letters lose their accents ("é" is "e", "ß" is "ss"),
/// dashes and quotes become plain, what remains is '?'.
std::string transliterate(std::string_view utf8);

/// Whether that leaves nothing a '?' that was a letter.
bool is_writable(std::string_view utf8);

/// How much of each pixel a line of text covers, 0 ... 255.
struct Text {
    int width = 0;
    int height = 0;    ///< from the top of capitals to below the descenders
    int capitals = 0;  ///< height of capitals: the baseline's row
    std::vector<std::uint8_t> coverage;
};

/// Text of capitals `capitals` pixels high, smoothed; Hershey's simplex strokes.
Text render_text(std::string_view utf8, int capitals);

/// The same cut short with ".." where it would be wider than `most_width`; empty where nothing fits.
Text render_text_within(std::string_view utf8, int capitals, int most_width);

/// Draws with the upper left corner at (x, y); what lies outside the picture is dropped.
void draw_text(Image& picture, const Text& text, int x, int y, Color color);

/// Lays a colour of this opacity (0 ... 256) over a rectangle; what lies outside the picture is dropped.
void fill(Image& picture, int x, int y, int width, int height, Color color, int opacity = 256);

}  // namespace locus::image
