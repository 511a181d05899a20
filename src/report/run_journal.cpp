#include "report/run_journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <system_error>

#include "files/atomic_file.hpp"
#include "files/same_file.hpp"
#include "locus/error.hpp"
#include "report/finished_run.hpp"
#include "report/results_json.hpp"
#include "text/base64.hpp"
#include "text/utf8.hpp"

namespace fs = std::filesystem;

namespace locus::report {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::usage, sentence); }

// FNV-1a (Fowler, Noll, Vo), eight bytes at a time: tells a whole line from one that a crash left torn or blank.
std::uint64_t checksum(std::string_view bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    while (!bytes.empty()) {
        std::uint64_t word = 0;
        const std::size_t count = std::min(bytes.size(), sizeof word);
        std::memcpy(&word, bytes.data(), count);
        hash = (hash ^ word) * 0x100000001b3U;
        hash ^= hash >> 32U;  // multiplying carries upwards alone
        bytes.remove_prefix(count);
    }
    return hash;
}

[[noreturn]] void refuse_different(const fs::path& out, const std::string& why) {
    refuse(fmt::format("cannot resume {}: {}; give what it was begun with, or --overwrite to begin anew",
                       text::to_utf8(out.native()), why));
}

std::string line_of(std::size_t index, char kind, const std::string& fields) {
    std::string line = fmt::format("{}\t{}\t{}\t", index, kind, fields);
    return line + fmt::format("{:016x}\n", checksum(line));
}

struct LineStart {
    std::size_t index = 0;
    bool is_failure = false;
};

LineStart read_start(std::string_view line) {
    LineStart start;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), start.index);
    line.remove_prefix(static_cast<std::size_t>(rest - line.data()));
    start.is_failure = line.starts_with("\tF\t");
    if (error != std::errc() || !(start.is_failure || line.starts_with("\tI\t")) || !line.ends_with('\n'))
        refuse("a line for the journal must be made by journal_line");
    return start;
}

std::string first_line(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    return line;
}

}  // namespace

std::string journal_line(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview,
                         bool wants_preview) {
    const std::string shown = wants_preview ? report_maps(record) + '\t' + text::base64(preview) : "\t";
    return line_of(index, 'I', image_json(record) + '\t' + shown);
}

std::string journal_line(std::size_t index, const Failure& failure) {
    return line_of(index, 'F', failure_json(failure));
}

RunJournal::RunJournal(fs::path out, const RunPlan& plan)
    : out_(std::move(out)), plan_(plan), previews_(preview_plan(plan.inputs)), entries_(plan.inputs) {}

RunJournal::RunJournal(RunJournal&& other) noexcept
    : out_(std::move(other.out_)),
      plan_(std::move(other.plan_)),
      previews_(other.previews_),
      descriptor_(std::exchange(other.descriptor_, -1)),
      end_(other.end_),
      entries_(std::move(other.entries_)),
      done_(other.done_),
      failed_(other.failed_),
      complete_(other.complete_) {}

RunJournal::~RunJournal() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void RunJournal::lock() {
    const fs::path path = journal_path(out_);
    const auto fail = [&](int error) {
        throw Error(ErrorKind::io, fmt::format("cannot write {}: {}", text::to_utf8(path.native()),
                                               std::generic_category().message(error)));
    };
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    if (error) fail(error.value());
    while (true) {
        descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor_ < 0) fail(errno);
        // A file system without locks does not keep anybody from working.
        if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            refuse(fmt::format("another Locus is at work in {}: wait for it, or write elsewhere with --out",
                               text::to_utf8(out_.native())));
        // Another run may have ended, and removed its journal, between the two calls.
        if (files::is_still_at(descriptor_, path)) return;
        ::close(descriptor_);
    }
}

// The lock is held. Until the first line is written the journal is empty, and both create and resume come here again.
void RunJournal::begin_anew() {
    remove_earlier_run(out_);
    end_ = 0;
    if (::ftruncate(descriptor_, 0) != 0)
        throw Error(ErrorKind::io, fmt::format("cannot empty {}", text::to_utf8(journal_path(out_).native())));
    const std::string line = settings_json(plan_) + '\n';
    if (::pwrite(descriptor_, line.data(), line.size(), 0) != static_cast<ssize_t>(line.size()))
        throw Error(ErrorKind::io, fmt::format("cannot write {}", text::to_utf8(journal_path(out_).native())));
    end_ = line.size();
}

RunJournal RunJournal::create(const fs::path& out, const RunPlan& plan, bool overwrite) {
    const OutState state = inspect_out(out);
    std::error_code unknown;
    if (state == OutState::foreign && !fs::is_directory(out, unknown))
        refuse(fmt::format("{} is a file: results need a folder, chosen with --out", text::to_utf8(out.native())));
    if (state == OutState::foreign && !overwrite)
        refuse(
            fmt::format("{} holds files that are not of Locus: choose another folder with --out, or put results "
                        "beside them with --overwrite",
                        text::to_utf8(out.native())));
    RunJournal journal(out, plan);
    journal.lock();
    if (state == OutState::unfinished && !overwrite && !first_line(journal_path(out)).empty())
        refuse(fmt::format("{} holds an unfinished run: --resume goes on with it, --overwrite begins anew",
                           text::to_utf8(out.native())));
    journal.begin_anew();
    return journal;
}

RunJournal RunJournal::resume(const fs::path& out, const RunPlan& plan) {
    const OutState state = inspect_out(out);
    RunJournal journal(out, plan);
    if (state == OutState::finished) {
        const std::string why = differences(first_line(settings_path(out)), plan);
        if (!why.empty()) refuse_different(out, why);
        if (const std::string gone = missing_output(out, plan); !gone.empty())
            refuse(fmt::format("{} held a finished run, but its {} is gone: begin anew without --resume",
                               text::to_utf8(out.native()), gone));
        journal.read_finished();
        return journal;
    }
    if (state == OutState::foreign || state == OutState::empty) return create(out, plan);
    journal.lock();
    if (!journal.read_back()) journal.begin_anew();
    files::remove_part_files(out);
    return journal;
}

// All inputs are done but those that results.json names files of which are gone.
void RunJournal::read_finished() {
    const FailedInputs failures = failed_inputs(out_);
    complete_ = true;
    failed_ = failures.count;
    for (Entry& entry : entries_) entry.length = 1;
    done_ = entries_.size();
    const std::vector<bool> lacking = images_lacking_files(out_);
    if (failures.which.size() != failures.count || lacking.size() + failures.count != entries_.size())
        return;  // which image is whose cannot be told
    auto failed = failures.which.begin();
    auto image = lacking.begin();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (failed != failures.which.end() && *failed == i) {
            ++failed;
        } else if (image != lacking.end() && *image++) {
            entries_[i].length = 0;
            --done_;
        }
    }
}

// Finds the lines that are whole; false where not even the first is.
bool RunJournal::read_back() {
    const fs::path path = journal_path(out_);
    std::ifstream stream(path, std::ios::binary);
    std::string line;
    if (!std::getline(stream, line) || stream.eof()) return false;  // eof: no end of line
    const std::string why = differences(line, plan_);
    if (!why.empty()) refuse_different(out_, why);
    end_ = line.size() + 1;
    while (std::getline(stream, line) && !stream.eof()) {
        const std::size_t sum_at = line.rfind('\t');
        if (sum_at == std::string::npos) break;
        const std::string_view content = std::string_view(line).substr(0, sum_at + 1);
        if (std::string_view(line).substr(sum_at + 1) != fmt::format("{:016x}", checksum(content))) break;
        std::size_t index = 0;
        const auto [rest, error] = std::from_chars(line.data(), line.data() + sum_at, index);
        if (error != std::errc() || index >= entries_.size()) break;
        std::string_view fields(rest, static_cast<std::size_t>(line.data() + sum_at - rest));
        const bool is_failure = fields.starts_with("\tF\t");
        fields.remove_prefix(std::min<std::size_t>(3, fields.size()));
        const std::uint64_t at = std::exchange(end_, end_ + line.size() + 1);
        if (!is_failure && lacks_files(out_, fields.substr(0, fields.find('\t')))) continue;
        // Of an image whose files were gone and that was made again there are two lines: the later one counts.
        Entry& entry = entries_[index];
        done_ += entry.length == 0 ? 1 : 0;
        failed_ -= entry.is_failure ? 1 : 0;
        entry = {at, static_cast<std::uint32_t>(line.size()), is_failure};
        failed_ += entry.is_failure ? 1 : 0;
    }
    if (::ftruncate(descriptor_, static_cast<off_t>(end_)) != 0)
        throw Error(ErrorKind::io, fmt::format("cannot shorten {}", text::to_utf8(path.native())));
    return true;
}

// Its descriptor takes lines wherever the journal has gone, and each picture makes its folders anew.
void RunJournal::require_in_place() const {
    std::error_code unknown;
    if (complete_ ? fs::exists(settings_path(out_), unknown) : files::is_still_at(descriptor_, journal_path(out_)))
        return;
    throw run_is_gone(out_);
}

void RunJournal::append(const std::string& line) {
    const auto [index, is_failure] = read_start(line);
    const std::lock_guard guard(writing_);
    require_in_place();
    if (index >= entries_.size() || entries_[index].length > 0)
        refuse(fmt::format("image {} is not to be done in this run", index));
    if (complete_) {  // the outputs say it all
        entries_[index] = {0, 1, is_failure};
        ++done_;
        failed_ += is_failure ? 1 : 0;
        return;
    }
    // Where a write fails half-way the end stays, and the next line takes its place.
    for (std::size_t written = 0; written < line.size();) {
        const ssize_t count =
            ::pwrite(descriptor_, line.data() + written, line.size() - written, static_cast<off_t>(end_ + written));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            throw Error(ErrorKind::io, fmt::format("cannot write {}: {}", text::to_utf8(journal_path(out_).native()),
                                                   std::generic_category().message(errno)));
        written += static_cast<std::size_t>(count);
    }
    entries_[index] = {end_, static_cast<std::uint32_t>(line.size() - 1), is_failure};
    end_ += line.size();
    ++done_;
    failed_ += is_failure ? 1 : 0;
}

int RunJournal::preview_side(std::size_t index) const {
    return plan_.report && index < previews_.images ? previews_.side : 0;
}

void RunJournal::append(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview) {
    append(journal_line(index, record, preview, preview_side(index) > 0));
}

void RunJournal::append(std::size_t index, const Failure& failure) { append(journal_line(index, failure)); }

std::vector<std::string> RunJournal::fields(const Entry& entry) const {
    std::string line(entry.length, '\0');
    for (std::size_t done = 0; done < line.size();) {
        const ssize_t count =
            ::pread(descriptor_, line.data() + done, line.size() - done, static_cast<off_t>(entry.offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            throw Error(ErrorKind::io, fmt::format("cannot read {}", text::to_utf8(journal_path(out_).native())));
        done += static_cast<std::size_t>(count);
    }
    std::vector<std::string> parts;
    for (std::size_t start = 0;;) {
        const std::size_t tab = line.find('\t', start);
        if (tab == std::string::npos) return parts;  // the checksum is no field
        parts.push_back(line.substr(start, tab - start));
        start = tab + 1;
    }
}

void RunJournal::finish(const RunRecord& run) {
    if (complete_) return;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i].length == 0)
            refuse(fmt::format("image {} of {} is not done: the run cannot be finished", i + 1, entries_.size()));
    require_in_place();
    require_files();
    write_outputs(run, false);
    FailedInputs failed{.count = failed_, .which = {}};
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i].is_failure) failed.which.push_back(i);
    note_finished(out_, plan_, failed);
    std::error_code error;
    fs::remove(journal_path(out_), error);
    if (error)
        throw Error(ErrorKind::io,
                    fmt::format("cannot remove {}: {}", text::to_utf8(journal_path(out_).native()), error.message()));
    ::close(std::exchange(descriptor_, -1));
    complete_ = true;
}

void RunJournal::interrupt(const RunRecord& run) {
    if (complete_) return;
    require_in_place();
    write_outputs(run, true);
}

}  // namespace locus::report
