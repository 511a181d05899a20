#include "report/out_folder.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "text/utf8.hpp"

namespace fs = std::filesystem;

namespace locus::report {
namespace {

using Json = nlohmann::json;

// Calls `found` for each file that an entry of "images" names, null where it is not saved, and the bytes that it has at
// least.
template <class Found> void each_file_of(const Json& image, Found found) {
    const auto explanations = image.find("explanations");
    if (explanations == image.end()) return;
    for (const Json& e : *explanations) {
        if (const auto map = e.find("map"); map != e.end()) {
            found(map->value("file", Json()),
                  sizeof(float) * map->value("width", std::uintmax_t{0}) * map->value("height", std::uintmax_t{0}));
        }
        for (const char* key : {"overlay", "heatmap", "mask", "decomposition"}) found(e.value(key, Json()), 1);
    }
}

/// Removes the files that it is told of, and at its end the folders that they lay in where nothing is left in them.
class Removal {
public:
    explicit Removal(const fs::path& out) : root_(fs::canonical(out, none_)) {}
    Removal(const Removal&) = delete;
    Removal& operator=(const Removal&) = delete;
    ~Removal() {
        for (const fs::path& folder : folders_)
            if (fs::is_directory(fs::symlink_status(folder, none_))) fs::remove(folder, none_);
    }

    /// A name below OUT; others are passed over.
    void remove(const std::string& name) {
        if (root_.empty() || name.empty()) return;
        const fs::path relative = fs::path(name).lexically_normal();
        if (relative.is_absolute() || relative.begin()->native() == "..") return;
        const fs::path file = root_ / relative;
        // A link in the way could lead out of OUT.
        if (fs::canonical(file.parent_path(), none_) != file.parent_path()) return;
        if (fs::symlink_status(file, none_).type() == fs::file_type::regular) fs::remove(file, none_);
        if (relative.has_parent_path()) folders_.insert(file.parent_path());
    }

private:
    std::error_code none_;  // what cannot be removed stays
    fs::path root_;
    std::set<fs::path> folders_;
};

void remove_files_of(const Json& image, Removal& removal) {
    each_file_of(image, [&](const Json& name, std::uintmax_t) {
        if (name.is_string()) removal.remove(name.get<std::string>());
    });
}

// Both files hold an image's entry on a line of its own: results.json indented, the journal behind its number and kind.
void remove_files_named_in(const fs::path& list, Removal& removal) {
    std::ifstream stream(list, std::ios::binary);
    std::string line;
    while (std::getline(stream, line)) {
        const std::size_t start = line.find("{\"file\":");
        if (start == std::string::npos) continue;
        std::size_t end = line.find('\t', start);  // the journal's fields end so
        if (end == std::string::npos) end = line.find_last_of('}') + 1;
        const Json image = Json::parse(line.substr(start, end - start), nullptr, false);
        try {
            remove_files_of(image, removal);
        } catch (const Json::exception&) {
            // Not as we write it, so not ours to remove.
        }
    }
}

/// Whether the settings in front of a run's journal, or in its run.json, say that it writes such files: "boxes",
/// "report".
bool says_written(const fs::path& settings, const char* what) {
    std::ifstream stream(settings, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    const Json json = Json::parse(line, nullptr, false);
    return json.is_object() && json.value(what, Json()) == Json(true);
}

}  // namespace

fs::path journal_path(const fs::path& out) { return out / ".locus" / "journal"; }
fs::path settings_path(const fs::path& out) { return out / ".locus" / "run.json"; }

OutState inspect_out(const fs::path& out) {
    std::error_code error;
    const fs::file_status status = fs::status(out, error);
    if (status.type() == fs::file_type::not_found) return OutState::empty;
    if (error)
        throw Error(ErrorKind::io, fmt::format("cannot look at {}: {}", text::to_utf8(out.native()), error.message()));
    if (status.type() != fs::file_type::directory) return OutState::foreign;
    if (fs::exists(journal_path(out), error)) return OutState::unfinished;
    if (fs::exists(settings_path(out), error)) return OutState::finished;
    std::error_code unknown;
    fs::directory_iterator entry(out, error);
    for (; !error && entry != fs::directory_iterator(); entry.increment(error))
        // A run killed in its first instant leaves an empty .locus.
        if (entry->path().filename() != ".locus" || !fs::is_empty(entry->path(), unknown)) return OutState::foreign;
    if (error)
        throw Error(ErrorKind::io,
                    fmt::format("cannot look into {}: {}", text::to_utf8(out.native()), error.message()));
    return OutState::empty;
}

bool belongs_to_run(const fs::path& folder) {
    static const std::set<std::string> written = {"maps", "overlays", "heatmaps", "masks", "decompositions"};
    if (!written.contains(folder.filename().string())) return false;
    const fs::path out = folder.parent_path();
    std::error_code error;
    return fs::exists(journal_path(out), error) || fs::exists(settings_path(out), error) ||
           fs::exists(out / check_results, error);
}

bool lacks_files(const fs::path& out, std::string_view image_json) {
    const Json image = Json::parse(image_json, nullptr, false);
    if (!image.is_object()) return false;
    bool lacks = false;
    try {
        each_file_of(image, [&](const Json& name, std::uintmax_t least) {
            if (!name.is_string()) return;
            std::error_code none;  // also where it is no regular file
            const std::uintmax_t size = fs::file_size(out / name.get_ref<const std::string&>(), none);
            lacks |= none || size < least;
        });
    } catch (const Json::exception&) {
        return false;
    }
    return lacks;
}

Error run_is_gone(const fs::path& out) {
    return {
        ErrorKind::io,
        fmt::format("{0} was removed or moved while the run wrote into it: its .locus is gone; the same command begins "
                    "anew, with --overwrite where something is left in {0}",
                    text::to_utf8(out.native()))};
}

void remove_earlier_run(const fs::path& out) {
    std::error_code error;
    if (!fs::is_directory(out, error)) return;
    files::remove_part_files(out);
    const auto is_begun = [](const fs::path& file) {
        std::error_code unknown;
        return fs::is_regular_file(file, unknown) && fs::file_size(file, unknown) > 0 && !unknown;
    };
    if (!is_begun(journal_path(out)) && !is_begun(settings_path(out))) return;  // what lies there is somebody else's
    {
        Removal removal(out);
        remove_files_named_in(journal_path(out), removal);
        remove_files_named_in(out / "results.json", removal);
    }
    const auto is_written = [&](const char* what) {
        return says_written(journal_path(out), what) || says_written(settings_path(out), what);
    };
    if (is_written("boxes")) {
        fs::remove(out / "boxes.csv", error);
        fs::remove(out / "boxes.coco.json", error);
    }
    if (is_written("report")) fs::remove(out / "report.html", error);
    // Last, since it is what names the others.
    fs::remove(out / "results.json", error);
    fs::remove(settings_path(out), error);
}

void remove_files(const fs::path& out, const std::vector<std::string>& names) {
    Removal removal(out);
    for (const std::string& name : names) removal.remove(name);
}

}  // namespace locus::report
