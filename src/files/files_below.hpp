#pragma once

/// The files of a folder and all folders below it.
///
///     std::error_code failed;
///     for (const auto& file : files::files_below("annotations", ".xml", failed)) ...

#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

namespace locus::files {

/// Those whose names have this ending, given with its dot and in small letters (".xml" finds "a.XML" too), sorted.
/// Links to files count, links to folders are not followed. What nobody can say what it is, as a link that leads in a
/// circle, counts as a file: whoever reads it will say why it cannot be read. `failed` is set, and nothing returned,
/// where one of the folders cannot be looked into.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder, std::string_view ending,
                                               std::error_code& failed);

}  // namespace locus::files
