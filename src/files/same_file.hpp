#pragma once

/// Whether an open file still lies where it was opened.

#include <filesystem>

namespace locus::files {

/// False where `path` leads to no file or to another one: what the descriptor names was removed, moved or replaced.
bool is_still_at(int descriptor, const std::filesystem::path& path);

}  // namespace locus::files
