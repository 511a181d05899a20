#pragma once

/// Fields of CSV files as RFC 4180 has them.
///
///     text::csv_field("cat");             // cat
///     text::csv_field("cat, \"big\"");    // "cat, ""big"""

#include <string>
#include <string_view>

namespace locus::text {

/// The text, between double quotes where a comma, a quote or an end of a line is in it.
std::string csv_field(std::string_view text);

}  // namespace locus::text
