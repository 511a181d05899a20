#pragma once

/// UTF-8 out of files and names, which may hold any bytes.
///
///     text::first_character("é!");    // {U'é', 2}
///     text::first_character("\xe9");  // nullopt
///     text::escaped('\xe9');          // "\\xE9"
///     text::to_utf8("caf\xe9.jpg");     // "caf\\xE9.jpg": what JSON and HTML may hold

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace locus::text {

struct Character {
    char32_t code = 0;
    std::size_t length = 0;  ///< bytes
};

/// The well-formed character (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) that `bytes` begins
/// with; nullopt where there is none.
std::optional<Character> first_character(std::string_view bytes);

/// True where the bytes are well-formed UTF-8.
bool is_utf8(std::string_view bytes);

/// A byte that cannot be shown, as \xNN.
std::string escaped(char byte);

/// Bytes that are part of no valid sequence (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) become
/// \xNN. Backslashes stay as they are, so the result is for reading and matching, not for turning back.
std::string to_utf8(std::string_view bytes);

}  // namespace locus::text
