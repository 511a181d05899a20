#pragma once

/// The folder that `locus check` leaves: check.json, check.html and the maps of each image (docs/formats.md).

#include <filesystem>
#include <vector>

#include "evaluate/pages/sanity_page.hpp"

namespace locus::evaluate {

/// An earlier check is replaced; a run's results, and what others have put into the folder, are not. Throws
/// Error(usage).
void require_room_for_check(const std::filesystem::path& folder);

/// Writes a check's results in place of an earlier one's: its pictures that are none of these images' go, files that no
/// check wrote stay. Throws Error(io).
void write_check(const std::filesystem::path& folder, const SanityResult& result,
                 const std::vector<SanityImage>& images, const SanityDescription& description);

}  // namespace locus::evaluate
