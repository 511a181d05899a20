#include "image/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <tuple>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "text/utf8.hpp"

namespace locus::image {
namespace {

// Strokes are drawn this much larger and averaged: OpenCV's own smoothing leaves small text thin and uneven.
constexpr int supersampling = 4;
constexpr double capitals_of_font = 21;  // Hershey's simplex at scale 1, pixels

/// Code points U+00A0 ... U+017F in ASCII, one word each.
constexpr std::string_view latin =
    " ! c GBP ? Y | S \" (c) a << - - (r) - deg +- 2 3 ' u P . , 1 o >> 1/4 1/2 3/4 ? "
    "A A A A A A AE C E E E E I I I I D N O O O O O x O U U U U Y Th ss a a a a a a ae c e e e e i i i i d n o o o o o "
    "/ o u u u u y th y "
    "A a A a A a C c C c C c C c D d D d E e E e E e E e E e G g G g G g G g H h H h I i I i I i I i I i IJ ij J j K k "
    "k L l L l L l L l L l "
    "N n N n N n n N n O o O o O o OE oe R r R r R r S s S s S s S s T t T t T t U u U u U u U u U u U u W w Y y Y Z z "
    "Z z Z z s ";

std::string_view latin_word(char32_t code) {
    std::string_view rest = latin;
    for (char32_t i = 0xa0; i < code; ++i) rest.remove_prefix(rest.find(' ') + 1);
    return rest.substr(0, rest.find(' '));
}

std::string_view ascii_of(char32_t code) {
    if (code == 0xa0) return " ";
    if (code > 0xa0 && code <= 0x17f) return latin_word(code);
    switch (code) {
        case 0x2010:
        case 0x2011:
        case 0x2012:
        case 0x2013:
        case 0x2014:
        case 0x2212:
            return "-";
        case 0x2018:
        case 0x2019:
        case 0x201a:
            return "'";
        case 0x201c:
        case 0x201d:
        case 0x201e:
            return "\"";
        case 0x2026:
            return "...";
        case 0x00d7:
            return "x";
        case 0x2002:
        case 0x2003:
        case 0x2009:
        case 0x202f:
            return " ";
        default:
            return "?";
    }
}

/// The code point that begins at `at`, which moves behind it; one U+FFFD for bytes that are no UTF-8 and what continues
/// them.
char32_t next_code(std::string_view utf8, std::size_t& at) {
    if (const auto character = text::first_character(utf8.substr(at))) {
        at += character->length;
        return character->code;
    }
    const auto continues = [&] { return at < utf8.size() && (static_cast<unsigned char>(utf8[at]) & 0xc0U) == 0x80; };
    for (++at; continues();) ++at;
    return 0xfffd;
}

/// How letters of one size are drawn.
struct Pen {
    explicit Pen(int letter_height)
        : capitals(letter_height),
          thickness(std::max(supersampling, static_cast<int>(std::lround(supersampling * capitals * 0.13)))),
          margin(thickness / 2 + 1),
          scale((supersampling * capitals - thickness) / capitals_of_font),
          height(capitals + static_cast<int>(std::ceil(capitals * 0.4))) {}

    int capitals;   ///< pixels
    int thickness;  ///< of strokes, in parts of pixels, as are margin and scale
    int margin;
    double scale;  ///< of the font: half a stroke sticks out at either end
    int height;    ///< pixels, with what hangs below the line
};

/// How far each ASCII character takes its line, at scale 1.
const std::array<double, 128>& advances() {
    static const auto table = [] {
        std::array<double, 128> widths{};
        constexpr int many = 100;  // widths come rounded
        for (std::size_t c = ' '; c < widths.size(); ++c) {
            int below = 0;
            const std::string line(many, static_cast<char>(c));
            widths[c] = cv::getTextSize(line, cv::FONT_HERSHEY_SIMPLEX, 1, 0, &below).width / static_cast<double>(many);
        }
        return widths;
    }();
    return table;
}

double advance_of(char letter) { return advances()[static_cast<unsigned char>(letter)]; }

/// How much of each pixel a letter covers that begins so many parts of a pixel to the right. Letters drawn before are
/// kept: drawing takes longer than all that is done with them.
const cv::Mat& coverage_of(char letter, const Pen& pen, int offset) {
    constexpr std::size_t most_kept = 4096;
    thread_local std::map<std::tuple<int, char, int>, cv::Mat> kept;
    if (kept.size() >= most_kept) kept.clear();
    cv::Mat& coverage = kept[{pen.capitals, letter, offset}];
    if (coverage.empty()) {
        const int parts = offset + static_cast<int>(std::ceil(advance_of(letter) * pen.scale)) + 2 * pen.margin;
        const int width = (parts + supersampling - 1) / supersampling;
        cv::Mat large = cv::Mat::zeros(pen.height * supersampling, width * supersampling, CV_8U);
        cv::putText(large, std::string(1, letter),
                    {offset + pen.margin, pen.capitals * supersampling - pen.thickness / 2}, cv::FONT_HERSHEY_SIMPLEX,
                    pen.scale, 255, pen.thickness);
        cv::resize(large, coverage, {width, pen.height}, 0, 0, cv::INTER_AREA);
    }
    return coverage;
}

Text render_ascii(const std::string& ascii, int capitals) {
    const Pen pen(capitals);
    double length = 0;
    for (const char letter : ascii) length += advance_of(letter) * pen.scale;
    const int parts = static_cast<int>(std::lround(length)) + pen.thickness + 2 * pen.margin;
    Text text;
    text.width = (parts + supersampling - 1) / supersampling;
    text.capitals = capitals;
    text.height = pen.height;
    text.coverage.resize(static_cast<std::size_t>(text.width) * static_cast<std::size_t>(text.height));
    double at = 0;
    for (const char letter : ascii) {
        const auto x = static_cast<int>(std::lround(at));
        const cv::Mat& drawn = coverage_of(letter, pen, x % supersampling);
        const int first = x / supersampling;
        const int width = std::min(drawn.cols, text.width - first);
        for (int row = 0; row < text.height; ++row) {
            std::uint8_t* place = text.coverage.data() + static_cast<std::ptrdiff_t>(row) * text.width + first;
            const std::uint8_t* letters = drawn.ptr(row);
            for (int column = 0; column < width; ++column) place[column] = std::max(place[column], letters[column]);
        }
        at += advance_of(letter) * pen.scale;
    }
    return text;
}

std::uint8_t mix(unsigned below, unsigned above, unsigned opacity) {
    return static_cast<std::uint8_t>((below * (256 - opacity) + above * opacity + 128) >> 8U);
}

}  // namespace

std::string transliterate(std::string_view utf8) {
    std::string ascii;
    for (std::size_t at = 0; at < utf8.size();) {
        const char32_t code = next_code(utf8, at);
        if (code < 0x80)
            ascii += code < 0x20 || code == 0x7f ? ' ' : static_cast<char>(code);
        else
            ascii += ascii_of(code);
    }
    return ascii;
}

bool is_writable(std::string_view utf8) {
    for (std::size_t at = 0; at < utf8.size();) {
        const char32_t code = next_code(utf8, at);
        if (code >= 0x80 && ascii_of(code) == "?") return false;
    }
    return true;
}

Text render_text(std::string_view utf8, int capitals) { return render_ascii(transliterate(utf8), capitals); }

Text render_text_within(std::string_view utf8, int capitals, int most_width) {
    std::string ascii = transliterate(utf8);
    // No letter is narrower than an eighth of its height: this bounds the work for labels of any length.
    ascii.resize(std::min<std::size_t>(ascii.size(),
                                       static_cast<std::size_t>(std::max(0, 8 * most_width / std::max(1, capitals)))));
    Text text = ascii.empty() ? Text{} : render_ascii(ascii, capitals);
    while (text.width > most_width && !ascii.empty()) {
        // By the share that is too much, at least one letter.
        const std::size_t fits =
            ascii.size() * static_cast<std::size_t>(most_width) / static_cast<std::size_t>(text.width);
        ascii.resize(std::min(fits, ascii.size() - 1));
        text = ascii.empty() ? Text{} : render_ascii(ascii + "..", capitals);
    }
    return text;
}

void draw_text(Image& picture, const Text& text, int x, int y, Color color) {
    for (int row = std::max(0, -y); row < text.height && y + row < picture.height; ++row) {
        for (int column = std::max(0, -x); column < text.width && x + column < picture.width; ++column) {
            const unsigned coverage =
                text.coverage[static_cast<std::size_t>(row) * static_cast<std::size_t>(text.width) +
                              static_cast<std::size_t>(column)];
            if (coverage == 0) continue;
            std::uint8_t* pixel = picture.pixel(x + column, y + row);
            for (std::size_t c = 0; c < 3; ++c) pixel[c] = mix(pixel[c], color[c], coverage + (coverage >> 7U));
        }
    }
}

void fill(Image& picture, int x, int y, int width, int height, Color color, int opacity) {
    const int x0 = std::clamp(x, 0, picture.width);
    const int x1 = std::clamp(x + width, x0, picture.width);
    const int y0 = std::clamp(y, 0, picture.height);
    const int y1 = std::clamp(y + height, y0, picture.height);
    for (int row = y0; row < y1; ++row) {
        std::uint8_t* pixel = picture.pixel(0, row) + static_cast<std::ptrdiff_t>(x0) * 3;
        for (int column = x0; column < x1; ++column, pixel += 3) {
            for (std::size_t c = 0; c < 3; ++c) pixel[c] = mix(pixel[c], color[c], static_cast<unsigned>(opacity));
        }
    }
}

}  // namespace locus::image
