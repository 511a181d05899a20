#pragma once

/// Bytes of any kind as valid UTF-8. File names and model metadata may hold anything; JSON and HTML may not.
///
///     to_utf8("caf\xc3\xa9.jpg");   // "café.jpg": valid, unchanged
///     to_utf8("caf\xe9.jpg");       // "caf\\xE9.jpg": the byte shown as \xNN

#include <string>
#include <string_view>

namespace locus::report {

/// Bytes that are part of no valid sequence (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF) become
/// \xNN. Backslashes stay as they are, so the result is for reading and matching, not for turning back.
std::string to_utf8(std::string_view bytes);

}  // namespace locus::report
