#include "evaluate/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "files/same_file.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

[[noreturn]] void fail_to(const char* what, const std::filesystem::path& file, const std::error_code& why) {
    throw Error(ErrorKind::io, fmt::format("{} cannot be {}: {}", text::quote(file.string()), what, why.message()));
}
[[noreturn]] void fail_to(const char* what, const std::filesystem::path& file) {
    fail_to(what, file, std::error_code(errno, std::generic_category()));
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

}  // namespace

Journal::Journal(const std::filesystem::path& out, const std::string& heading, std::size_t images, Begin begin)
    : file_(out / journal_name), lines_(images) {
    require_ours(out, begin == Begin::overwrite);
    std::error_code failed;
    std::filesystem::create_directories(out, failed);
    if (failed) fail_to("made", out, failed);
    descriptor_ = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0666);
    if (descriptor_ < 0) fail_to("written", file_);
    try {
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            throw Error(ErrorKind::usage,
                        fmt::format("another run is writing {}: wait for it, or choose another folder with --out",
                                    text::quote(file_.string())));
        }
        if (begin == Begin::fresh) require_finished(out);
        if (begin == Begin::resume) {
            read_back(heading);
        } else {
            // The report first: without it the run counts as unfinished, whatever happens from here on.
            for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
                std::filesystem::remove(out / *table, failed);
                if (failed) fail_to("removed", out / *table, failed);
            }
            if (::ftruncate(descriptor_, 0) != 0) fail_to("emptied", file_);
        }
        if (::lseek(descriptor_, 0, SEEK_END) == 0) write(heading + '\n');
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

void Journal::require_finished(const std::filesystem::path& out) const {
    std::error_code unknown;
    if (std::filesystem::exists(out / tables.back(), unknown)) return;
    std::ifstream stream(file_, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    if (!is_ours(line)) refuse_strangers(file_);
    if (stream.eof()) return;  // stopped before its heading was written
    throw Error(ErrorKind::usage,
                fmt::format("{} holds an unfinished run: --resume goes on with it, --overwrite begins anew",
                            text::quote(out.string())));
}

Journal::~Journal() { ::close(descriptor_); }

void Journal::write(const std::string& text) {
    for (std::size_t written = 0; written < text.size();) {
        const ssize_t count = ::write(descriptor_, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_to("written", file_);
        written += static_cast<std::size_t>(count);
    }
}

void Journal::read_back(const std::string& heading) {
    std::uintmax_t whole = 0;  // bytes of whole lines
    {
        std::ifstream stream(file_, std::ios::binary);
        std::string line;
        for (bool first = true; std::getline(stream, line) && !stream.eof(); first = false) {
            if (first && !is_ours(line)) refuse_strangers(file_);
            if (first && line != heading) {
                if (const std::string other = version_in(line); !other.empty() && other != version_in(heading)) {
                    throw Error(
                        ErrorKind::usage,
                        fmt::format("{} was begun by Locus {}, whose numbers are not mixed with others: go on with "
                                    "that one, or --overwrite to begin anew",
                                    text::quote(file_.string()), other));
                }
                throw Error(
                    ErrorKind::usage,
                    fmt::format("{} was begun with other options, models or data, or their files were changed since: "
                                "give those, or --overwrite to begin anew",
                                text::quote(file_.string())));
            }
            whole += line.size() + 1;
            if (first) continue;
            const std::size_t index = record_from_json(line).index;
            if (index >= lines_.size()) {
                throw Error(ErrorKind::io, fmt::format("{} has a record of image {}, but there are {} images",
                                                       text::quote(file_.string()), index, lines_.size()));
            }
            count_ += lines_[index].empty() ? 1 : 0;
            lines_[index] = std::move(line);
        }
        if (whole == 0 && !is_ours(line)) refuse_strangers(file_);
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(whole)) != 0) fail_to("shortened", file_);
}

void Journal::add(std::size_t index, std::string line) {
    if (!files::is_still_at(descriptor_, file_)) {
        throw Error(ErrorKind::io, fmt::format("{} is gone: it was removed or moved while the run wrote into it; the "
                                               "same command begins anew",
                                               text::quote(file_.string())));
    }
    write(line + '\n');
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
