#pragma once

/// What a class is called.
///
///     text::label_names("Tabby, tabby cat");  // {"tabby", "tabby cat"}

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace locus::text {

/// Without white space around it, its ASCII letters small: names are compared so.
std::string folded(std::string_view text);

/// The names that a class's label holds, between commas, folded.
std::vector<std::string> label_names(std::string_view label);

/// The first of those names as it is written, "Tabby" of "Tabby, tabby cat"; all of the label where another one begins
/// with the same: "Fracture, left" beside "Fracture, right". Empty where there is no such label.
std::string short_name(const std::vector<std::string>& labels, std::size_t index);

}  // namespace locus::text
