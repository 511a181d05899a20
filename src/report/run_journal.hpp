#pragma once

/// The memory of a run while it runs, and how its outputs come out of it.
///
///     RunPlan plan{.settings = {{"model", sha256}, {"--threshold", "0.2"}}, .inputs = files.size()};
///     RunJournal journal = resume ? RunJournal::resume("out", plan) : RunJournal::create("out", plan);
///     for (std::size_t i = 0; i < files.size(); ++i) {
///         if (journal.contains(i)) continue;
///         ... write maps/ and overlays/ of image i, then
///         journal.append(i, record, preview_jpeg);          // or append(i, Failure{file, why})
///     }
///     stopped ? journal.interrupt(run) : journal.finish(run);
///
/// OUT/.locus/journal holds a line for each finished image, in any order, written as soon as its files are whole. From
/// it alone, `finish` writes results.json, boxes.csv, boxes.coco.json and report.html, in the order of the inputs; so a
/// run that was killed and resumed ends with the same bytes as one that was not. A last line cut off by a kill is
/// dropped, and its image done again. Needs about 16 bytes an input.
///
/// An image whose files somebody took away is not done: `resume` looks for each, in a finished run too, where
/// results.json and its kin stay as they are, because the files made again are the same; `finish` looks as well. Where
/// OUT, or the journal in it, is removed or moved while a run goes on, the run ends.
///
/// After `finish`, OUT/.locus holds only run.json, the settings, by which `resume` knows that nothing is left to do, or
/// that something else is asked for. The journal is locked while a run lives: a second run in the same OUT is refused.
///
/// `append` may be called from several threads; the rest may not.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "files/append_journal.hpp"
#include "report/journal_line.hpp"
#include "report/out_folder.hpp"
#include "report/report_html.hpp"
#include "report/results.hpp"
#include "report/run_plan.hpp"

namespace locus::report {

class RunJournal {
public:
    /// Begins a run. An earlier, finished run in `out` is removed first. Throws Error(usage) where `out` holds an
    /// unfinished run or other things and `overwrite` is not set (with it, an unfinished run is removed, other things
    /// stay beside ours), and always where another process is at work there; Error(io).
    static RunJournal create(const std::filesystem::path& out, const RunPlan& plan, bool overwrite = false);

    /// Goes on with the run in `out`, or begins one where there is none. Throws Error(usage) where settings differ,
    /// naming them.
    static RunJournal resume(const std::filesystem::path& out, const RunPlan& plan);

    bool contains(std::size_t index) const { return entries_[index].length > 0; }
    bool is_failure(std::size_t index) const { return entries_[index].is_failure; }
    std::size_t done() const { return done_; }      ///< images and failures
    std::size_t failed() const { return failed_; }  ///< of these, failures
    std::size_t inputs() const { return plan_.inputs; }

    /// The run in `out` was finished before: nothing is to be done but the images whose files are gone, and `finish`
    /// does nothing.
    bool is_complete() const { return complete_; }

    /// Longer side that the preview of image `index` may have; 0 where none is wanted.
    int preview_side(std::size_t index) const;

    /// What was appended of an image that the journal contains. Throws Error(io). Not where the run is complete.
    JournalLine line(std::size_t index) const;

    /// Adds an image that is done. Throws Error(io), also where the journal is gone from OUT, and Error(usage) for a line
    /// that is none of `journal_line`.
    void append(const std::string& line);
    void append(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview = {});
    void append(std::size_t index, const Failure& failure);

    /// Writes the outputs and ends the journal. Throws Error(usage) where an input is missing, Error(io) where the
    /// journal or a file of an image is gone from OUT.
    void finish(const RunRecord& run);

    /// Writes the outputs of what is done, results.json saying "unfinished", and keeps the journal for `resume`.
    void interrupt(const RunRecord& run);

private:
    /// Where a line lies in the file; length 0: not there.
    struct Entry {
        std::uint64_t offset = 0;
        std::uint32_t length = 0;
        bool is_failure = false;
    };

    RunJournal(std::filesystem::path out, const RunPlan& plan);
    void open();
    void begin_anew();
    bool read_back();
    void read_finished();
    void set(std::size_t index, const Entry& entry);
    void require_in_place() const;

    std::filesystem::path out_;
    RunPlan plan_;
    PreviewPlan previews_;
    std::unique_ptr<files::AppendJournal> file_;  ///< while the run is not complete
    std::vector<Entry> entries_;
    std::size_t done_ = 0, failed_ = 0;
    bool complete_ = false;
    std::unique_ptr<std::mutex> writing_ = std::make_unique<std::mutex>();
};

}  // namespace locus::report
