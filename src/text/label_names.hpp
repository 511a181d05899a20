#pragma once

/// What a class is called.
///
///     text::label_names("Tabby, tabby cat");  // {"tabby", "tabby cat"}

#include <string>
#include <string_view>
#include <vector>

namespace locus::text {

/// Without white space around it, its ASCII letters small: names are compared so.
std::string folded(std::string_view text);

/// The names that a class's label holds, between commas, folded.
std::vector<std::string> label_names(std::string_view label);

}  // namespace locus::text
