#include "evaluate/model_names.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <system_error>

#include <fmt/core.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace fs = std::filesystem;
namespace {

/// The path by which a file is the same however its folder is written. A link to a file is a file of its own name.
fs::path place_of(const fs::path& file) {
    std::error_code unknown;
    const fs::path folder = fs::weakly_canonical(fs::absolute(file, unknown).parent_path(), unknown);
    return folder / file.filename();
}

void require_different(const std::vector<fs::path>& models) {
    std::set<fs::path> places;
    for (const fs::path& model : models) {
        if (places.insert(place_of(model)).second) continue;
        throw Error(ErrorKind::usage, fmt::format("the model {} is given twice", text::quote(model.string())));
    }
}

/// The last `depth` parts of a path, or all where there are fewer.
std::string last_parts(const fs::path& path, std::ptrdiff_t depth) {
    const std::ptrdiff_t parts = std::distance(path.begin(), path.end());
    fs::path last;
    for (auto part = std::next(path.begin(), std::max<std::ptrdiff_t>(parts - depth, 0)); part != path.end(); ++part)
        last /= *part;
    return last.string();
}

bool all_differ(const std::vector<std::string>& names) {
    return std::set<std::string>(names.begin(), names.end()).size() == names.size();
}

/// Of files that have the same name but for their endings.
std::vector<std::string> names_with_folders(const std::vector<fs::path>& files) {
    std::ptrdiff_t deepest = 0;
    for (const fs::path& file : files) deepest = std::max(deepest, std::distance(file.begin(), file.end()));
    for (std::ptrdiff_t depth = 1; depth <= deepest; ++depth) {
        for (const bool with_ending : {false, true}) {
            std::vector<std::string> names;
            for (const fs::path& file : files)
                names.push_back(last_parts(with_ending ? file : file.parent_path() / file.stem(), depth));
            if (all_differ(names)) return names;
        }
    }
    std::vector<std::string> whole;
    for (const fs::path& file : files) whole.push_back(file.string());
    return whole;
}

}  // namespace

std::vector<std::string> model_names(const std::vector<fs::path>& models) {
    require_different(models);
    std::map<std::string, std::vector<std::size_t>> namesakes;
    for (std::size_t m = 0; m < models.size(); ++m) namesakes[models[m].stem().string()].push_back(m);
    std::vector<std::string> names(models.size());
    for (const auto& [stem, members] : namesakes) {
        std::vector<fs::path> files;
        for (const std::size_t m : members) files.push_back(models[m].lexically_normal());
        const std::vector<std::string> own = names_with_folders(files);
        for (std::size_t i = 0; i < members.size(); ++i) names[members[i]] = own[i];
    }
    return names;
}

}  // namespace locus::evaluate
