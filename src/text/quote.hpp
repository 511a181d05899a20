#pragma once

/// Names out of files, made fit for a sentence.
///
///     text::quote("conv1");          // 'conv1'
///     text::quote("a\x1b[31m\xff");  // 'a\x1B[31m\xFF', spelled out

#include <string>
#include <string_view>

namespace locus::text {

/// The text with control characters and bytes that are not UTF-8 written as \xNN: one line, and nothing a terminal
/// obeys.
std::string printable(std::string_view text);

/// printable() between single quotes; what is longer than `limit` bytes is shortened in the middle: a model or a file
/// name never garbles a terminal or a JSON file.
std::string quote(std::string_view text, std::size_t limit = 200);

}  // namespace locus::text
