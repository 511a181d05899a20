#include "text/utf8.hpp"

#include <cstdint>

#include <fmt/format.h>

namespace locus::text {

std::optional<Character> first_character(std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return Character{first, 1};
    std::size_t length = 0;
    char32_t least = 0, code = 0;
    if ((first & 0xe0) == 0xc0) {
        length = 2, least = 0x80, code = first & 0x1fU;
    } else if ((first & 0xf0) == 0xe0) {
        length = 3, least = 0x800, code = first & 0x0fU;
    } else if ((first & 0xf8) == 0xf0) {
        length = 4, least = 0x10000, code = first & 0x07U;
    } else {
        return std::nullopt;
    }
    if (bytes.size() < length) return std::nullopt;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
        code = code << 6 | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least || code > 0x10ffff || surrogate) return std::nullopt;
    return Character{code, length};
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto character = first_character(bytes);
        if (!character) return false;
        bytes.remove_prefix(character->length);
    }
    return true;
}

std::string escaped(char byte) { return fmt::format("\\x{:02X}", static_cast<std::uint8_t>(byte)); }

std::string to_utf8(std::string_view bytes) {
    std::string result;
    result.reserve(bytes.size());
    while (!bytes.empty()) {
        const auto character = first_character(bytes);
        const std::string_view first = bytes.substr(0, character ? character->length : 1);
        if (character)
            result += first;
        else
            result += escaped(first.front());
        bytes.remove_prefix(first.size());
    }
    return result;
}

}  // namespace locus::text
