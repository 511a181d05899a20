#pragma once

/// The folder that `locus check` leaves: check.json, check.html and the maps of each image (docs/formats.md).

#include <filesystem>
#include <vector>

#include "evaluate/pages/sanity_page.hpp"

namespace locus::evaluate {

/// Whether a check's results lie in the folder.
bool holds_check(const std::filesystem::path& folder);

/// Writes a check's results in place of an earlier one's: its pictures that are none of these images' go, files that no
/// check wrote stay. Throws Error(io).
void write_check(const std::filesystem::path& folder, const SanityResult& result,
                 const std::vector<SanityImage>& images, const SanityDescription& description);

}  // namespace locus::evaluate
