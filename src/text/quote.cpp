#include "text/quote.hpp"

#include <cstdint>

#include "text/utf8.hpp"

namespace locus::text {
namespace {

/// U+202A to U+202E and U+2066 to U+2069: what follows them runs in another direction, so that a name would be read as
/// another one.
bool turns_text(char32_t code) { return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069); }

/// C0, DEL and C1.
bool is_control(char32_t code) { return code < 0x20 || (code >= 0x7f && code < 0xa0); }

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto character = first_character(text);
        const std::string_view bytes = text.substr(0, character ? character->length : 1);
        if (character && !is_control(character->code) && !turns_text(character->code)) {
            result += bytes;
        } else {
            for (const char byte : bytes) result += escaped(byte);
        }
        text.remove_prefix(bytes.size());
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
