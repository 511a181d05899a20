#include "report/run_journal.hpp"

#include <fmt/format.h>

#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include "files/atomic_file.hpp"
#include "locus/error.hpp"
#include "report/finished_run.hpp"
#include "report/run_outputs.hpp"
#include "text/utf8.hpp"

namespace fs = std::filesystem;

namespace locus::report {
namespace {

[[noreturn]] void refuse(const std::string& sentence) { throw Error(ErrorKind::usage, sentence); }

[[noreturn]] void refuse_different(const fs::path& out, const std::string& why) {
    refuse(fmt::format("cannot resume {}: {}; give what it was begun with, or --overwrite to begin anew",
                       text::to_utf8(out.native()), why));
}

std::string first_line(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string line;
    std::getline(stream, line);
    return line;
}

}  // namespace

RunJournal::RunJournal(fs::path out, const RunPlan& plan)
    : out_(std::move(out)), plan_(plan), previews_(preview_plan(plan.inputs)), entries_(plan.inputs) {}

void RunJournal::open() {
    file_ = std::make_unique<files::AppendJournal>(
        journal_path(out_), fmt::format("another Locus is at work in {}: wait for it, or write elsewhere with --out",
                                        text::to_utf8(out_.native())));
}

// The journal is locked. Until the heading is written it is empty, and both create and resume come here again.
void RunJournal::begin_anew() {
    remove_earlier_run(out_);
    file_->begin(settings_json(plan_));
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
    journal.open();
    if (state == OutState::unfinished && !overwrite && !journal.file_->first_line().text.empty())
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
    journal.open();
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
    const auto [heading, is_whole] = file_->first_line();
    if (!is_whole) return false;
    const std::string why = differences(heading, plan_);
    if (!why.empty()) refuse_different(out_, why);
    file_->read_back([&](const std::string& line, std::uint64_t offset) {
        const std::optional<JournalLine> read = read_journal_line(line);
        if (!read || read->index >= entries_.size()) return false;
        // Of an image whose files were gone and that was made again there are two lines: the later one counts.
        if (read->is_failure || !lacks_files(out_, read->json))
            set(read->index, {offset, static_cast<std::uint32_t>(line.size()), read->is_failure});
        return true;
    });
    return true;
}

void RunJournal::set(std::size_t index, const Entry& entry) {
    Entry& before = entries_[index];
    done_ += before.length == 0 ? 1 : 0;
    failed_ -= before.is_failure ? 1 : 0;
    failed_ += entry.is_failure ? 1 : 0;
    before = entry;
}

// The journal takes lines wherever it has gone, and each picture makes its folders anew.
void RunJournal::require_in_place() const {
    std::error_code unknown;
    if (complete_ ? fs::exists(settings_path(out_), unknown) : file_->is_in_place()) return;
    throw run_is_gone(out_);
}

void RunJournal::append(const std::string& line) {
    const std::optional<JournalLine> read = read_journal_line(line);
    if (!read) refuse("a line for the journal must be made by journal_line");
    const std::lock_guard guard(*writing_);
    require_in_place();
    if (read->index >= entries_.size() || contains(read->index))
        refuse(fmt::format("image {} is not to be done in this run", read->index));
    const std::uint64_t offset = complete_ ? 0 : file_->append(line);  // once complete, the outputs say it all
    set(read->index, {offset, static_cast<std::uint32_t>(line.size()), read->is_failure});
}

int RunJournal::preview_side(std::size_t index) const {
    return plan_.report && index < previews_.images ? previews_.side : 0;
}

void RunJournal::append(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview) {
    append(journal_line(index, record, preview, preview_side(index) > 0));
}

void RunJournal::append(std::size_t index, const Failure& failure) { append(journal_line(index, failure)); }

JournalLine RunJournal::line(std::size_t index) const {
    const Entry& entry = entries_[index];
    const std::optional<JournalLine> read = read_journal_line(file_->read(entry.offset, entry.length));
    if (!read)
        throw Error(ErrorKind::io, fmt::format("{} was changed while the run went on: its line of image {} is damaged",
                                               text::to_utf8(journal_path(out_).native()), index));
    return *read;
}

void RunJournal::finish(const RunRecord& run) {
    if (complete_) return;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i].length == 0)
            refuse(fmt::format("image {} of {} is not done: the run cannot be finished", i + 1, entries_.size()));
    require_in_place();
    write_outputs(out_, plan_, *this, run, false);
    FailedInputs failed{.count = failed_, .which = {}};
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (entries_[i].is_failure) failed.which.push_back(i);
    note_finished(out_, plan_, failed);
    file_->remove();
    file_.reset();
    complete_ = true;
}

void RunJournal::interrupt(const RunRecord& run) {
    if (complete_) return;
    require_in_place();
    write_outputs(out_, plan_, *this, run, true);
}

}  // namespace locus::report
