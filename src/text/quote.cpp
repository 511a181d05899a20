#include "text/quote.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace locus::text {
namespace {

/// Bytes of the well-formed UTF-8 character that `text` begins with; 0 where there is none.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    std::size_t length = 0;
    std::uint32_t least = 0;
    std::uint32_t code = 0;
    if ((first & 0xe0) == 0xc0) {
        length = 2, least = 0x80, code = first & 0x1fU;
    } else if ((first & 0xf0) == 0xe0) {
        length = 3, least = 0x800, code = first & 0x0fU;
    } else if ((first & 0xf8) == 0xf0) {
        length = 4, least = 0x10000, code = first & 0x07U;
    } else {
        return 0;
    }
    if (text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least || code > 0x10ffff || surrogate ? 0 : length;
}

/// U+202A to U+202E and U+2066 to U+2069: what follows them runs in another direction, so that a name would be read as another one.
bool turns_text(std::string_view character) {
    return (character >= "\u202a" && character <= "\u202e") || (character >= "\u2066" && character <= "\u2069");
}

}  // namespace

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = character_length(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        const auto first = static_cast<std::uint8_t>(text[0]);
        // 0xc2 0x80 … 0xc2 0x9f are control characters too (C1).
        const bool control = first < 0x20 || first == 0x7f ||
                             (length == 2 && first == 0xc2 && static_cast<std::uint8_t>(text[1]) < 0xa0) ||
                             (length == 3 && turns_text(text.substr(0, 3)));
        if (length == 0 || control) {
            for (std::size_t i = 0; i < (length == 0 ? 1 : length); ++i) {
                result += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[i]));
            }
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result;
}

std::string quote(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return "'" + printable(text) + "'";
    // Cut between characters, not within one.
    std::size_t head = limit / 2;
    std::size_t tail = text.size() - limit / 2;
    const auto continues = [&](std::size_t i) { return (static_cast<std::uint8_t>(text[i]) & 0xc0) == 0x80; };
    for (int i = 0; i < 3 && head > 0 && continues(head); ++i) --head;
    for (int i = 0; i < 3 && tail + 1 < text.size() && continues(tail); ++i) ++tail;
    return "'" + printable(text.substr(0, head)) + "…" + printable(text.substr(tail)) + "'";
}

}  // namespace locus::text
