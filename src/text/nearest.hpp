#pragma once

/// The names that a person may have meant.
///
///     text::nearest("laer4", {"layer3", "layer4", "fc"}, 2);   // {"layer4", "layer3"}

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace locus::text {

/// Number of single-character insertions, deletions and replacements (Levenshtein 1966) that turn `a` into `b`, by
/// bytes; ASCII letters count as equal whatever their case.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The `count` candidates nearest to `name`, nearest first: those that contain it, then by edit distance; the given
/// order where equal. Duplicates are left out.
std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& candidates,
                                 std::size_t count = 3);

/// "; did you mean 'a', 'b' or 'c'?" for the end of an error's sentence, or "" where there are no candidates.
std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates, std::size_t count = 3);

}  // namespace locus::text
