#include "files/files_below.hpp"

#include <algorithm>
#include <cctype>

namespace locus::files {
namespace fs = std::filesystem;

namespace {

bool has_ending(const fs::path& file, std::string_view ending) {
    const auto small = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
    return std::ranges::equal(file.extension().native(), ending, {}, small);
}

}  // namespace

std::vector<fs::path> files_below(const fs::path& folder, std::string_view ending, std::error_code& failed) {
    std::vector<fs::path> files;
    fs::recursive_directory_iterator entry(folder, failed);
    for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
        if (!has_ending(entry->path(), ending)) continue;
        std::error_code unknown;
        const fs::file_type type = entry->status(unknown).type();
        if (type == fs::file_type::regular || type == fs::file_type::none) files.push_back(entry->path());
    }
    if (failed) return {};
    std::ranges::sort(files);
    return files;
}

}  // namespace locus::files
