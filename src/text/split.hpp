#pragma once

/// Lists out of one text.
///
///     text::split("a,b,,c", ',');  // {"a", "b", "", "c"}

#include <string_view>
#include <vector>

namespace locus::text {

/// What stands between separators, at least one part: "" of an empty text. The parts are views of `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace locus::text
