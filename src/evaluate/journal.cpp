#include "evaluate/journal.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

[[noreturn]] void fail_to(const char* what, const std::filesystem::path& file, const std::error_code& why) {
    throw Error(ErrorKind::io, fmt::format("{} cannot be {}: {}", text::quote(file.string()), what, why.message()));
}

constexpr const char* journal_name = "records.jsonl";
constexpr std::array tables{"metrics.json", "metrics.csv", "report.html"};  // in the order in which they are written

/// How the first line of every journal begins.
constexpr std::string_view beginning = R"({"locus-evaluate":)";

/// Whether a journal's first line, or what of it was written before a run was stopped, is of an evaluation.
bool is_ours(std::string_view line) { return line.starts_with(beginning) || beginning.starts_with(line); }

/// The version of Locus in a heading; "" where none is said.
std::string version_in(const std::string& heading) {
    const auto values = nlohmann::json::parse(heading, nullptr, false);
    const bool is_said = values.is_object() && values.contains("locus") && values["locus"].is_string();
    return is_said ? values["locus"].get<std::string>() : "";
}

[[noreturn]] void refuse_strangers(const std::filesystem::path& file) {
    throw Error(ErrorKind::usage, fmt::format("{} is not of an evaluation: choose another folder with --out, or "
                                              "replace it with --overwrite",
                                              text::quote(file.string())));
}

/// `before` is the heading that the journal has.
[[noreturn]] void refuse_different(const std::filesystem::path& file, const std::string& before,
                                   const std::string& heading) {
    if (const std::string other = version_in(before); !other.empty() && other != version_in(heading)) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} was begun by Locus {}, whose numbers are not mixed with others: go on with that "
                                "one, or --overwrite to begin anew",
                                text::quote(file.string()), other));
    }
    throw Error(ErrorKind::usage,
                fmt::format("{} was begun with other options, models or data, or their files were changed since: give "
                            "those, or --overwrite to begin anew",
                            text::quote(file.string())));
}

/// Throws Error(usage) where the folder is none, or is another's; Error(io) where it cannot be looked into.
void require_ours(const std::filesystem::path& out, bool overwrite) {
    namespace fs = std::filesystem;
    std::error_code failed;
    const fs::file_type type = fs::status(out, failed).type();
    if (type == fs::file_type::not_found) return;
    if (failed) fail_to("looked at", out, failed);
    if (type != fs::file_type::directory) {
        throw Error(ErrorKind::usage,
                    fmt::format("{} is a file: results need a folder, chosen with --out", text::quote(out.string())));
    }
    if (overwrite || fs::exists(out / journal_name, failed)) return;
    fs::directory_iterator entry(out, failed);
    for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
        const fs::path name = entry->path().filename();
        if (std::any_of(tables.begin(), tables.end(), [&](const char* table) { return name == table; })) continue;
        throw Error(ErrorKind::usage,
                    fmt::format("{} holds files that are not of an evaluation: choose another folder with --out, or "
                                "put results beside them with --overwrite",
                                text::quote(out.string())));
    }
    if (failed) fail_to("looked into", out, failed);
}

/// The report first: without it the run counts as unfinished, whatever happens from here on.
void remove_tables(const std::filesystem::path& out) {
    for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
        std::error_code failed;
        std::filesystem::remove(out / *table, failed);
        if (failed) fail_to("removed", out / *table, failed);
    }
}

}  // namespace

Journal::Journal(const std::filesystem::path& out, const std::string& heading, std::size_t images, Begin begin)
    : path_(out / journal_name), lines_(images) {
    require_ours(out, begin == Begin::overwrite);
    std::error_code failed;
    std::filesystem::create_directories(out, failed);
    if (failed) fail_to("made", out, failed);
    file_ = std::make_unique<files::AppendJournal>(
        path_, fmt::format("another run is writing {}: wait for it, or choose another folder with --out",
                           text::quote(path_.string())));
    if (begin == Begin::fresh) require_finished(out);
    if (begin == Begin::resume && read_back(heading)) return;
    if (begin != Begin::resume) remove_tables(out);
    file_->begin(heading);
}

void Journal::require_finished(const std::filesystem::path& out) const {
    std::error_code unknown;
    if (std::filesystem::exists(out / tables.back(), unknown)) return;
    const auto [line, is_whole] = file_->first_line();
    if (!is_ours(line)) refuse_strangers(path_);
    if (!is_whole) return;  // stopped before its heading was written
    throw Error(ErrorKind::usage,
                fmt::format("{} holds an unfinished run: --resume goes on with it, --overwrite begins anew",
                            text::quote(out.string())));
}

// False where the run was stopped before its heading was written.
bool Journal::read_back(const std::string& heading) {
    const auto [line, is_whole] = file_->first_line();
    if (!is_ours(line)) refuse_strangers(path_);
    if (!is_whole) return false;
    if (line != heading) refuse_different(path_, line, heading);
    file_->read_back([&](const std::string& record, std::uint64_t) {
        const std::size_t index = record_from_json(record).index;
        if (index >= lines_.size()) {
            throw Error(ErrorKind::io, fmt::format("{} has a record of image {}, but there are {} images",
                                                   text::quote(path_.string()), index, lines_.size()));
        }
        set(index, record);
        return true;
    });
    return true;
}

void Journal::add(std::size_t index, std::string line) {
    if (!file_->is_in_place()) {
        throw Error(ErrorKind::io, fmt::format("{} is gone: it was removed or moved while the run wrote into it; the "
                                               "same command begins anew",
                                               text::quote(path_.string())));
    }
    file_->append(line);
    set(index, std::move(line));
}

void Journal::set(std::size_t index, std::string line) {
    count_ += lines_[index].empty() ? 1 : 0;
    lines_[index] = std::move(line);
}

std::vector<ImageRecord> Journal::take() {
    std::vector<ImageRecord> records;
    records.reserve(lines_.size());
    for (std::size_t i = 0; i < lines_.size(); ++i) {
        if (lines_[i].empty()) throw Error(ErrorKind::io, fmt::format("image {} was not measured", i));
        records.push_back(record_from_json(std::exchange(lines_[i], {})));
    }
    return records;
}

}  // namespace locus::evaluate
