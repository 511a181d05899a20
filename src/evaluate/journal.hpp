#pragma once

/// The records of a run on disk, a line each, so that a run broken off anywhere is taken up where it was.
///
///     evaluate::Journal journal(out, heading, images, evaluate::Begin::resume);      // out/records.jsonl
///     if (!journal.has(i)) journal.add(i, to_json(measure(i)));
///     std::vector<evaluate::ImageRecord> records = journal.take();     // in the order of the images
///
/// The first line is the heading: what the run measures and with which options. A last line without its end (the
/// process died while writing it) is cut off. The file is locked while the journal lives: a second run in the same
/// folder is refused.

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"
#include "files/append_journal.hpp"

namespace locus::evaluate {

/// How a run treats what an earlier one left in its folder. A run is finished when its report is there.
enum class Begin {
    fresh,   ///< replaces a finished run; an unfinished one, and files that are not of an evaluation, are refused
    resume,  ///< completes the run, or begins one where there is none; files that are not of an evaluation are refused
    overwrite,  ///< begins anew whatever is there; what is not ours stays
};

class Journal {
public:
    /// For `images` images, in `out`, which is made. What `begin` does not allow throws Error(usage), as does a journal
    /// to be resumed that has another heading (options, model or data changed), and one that another process is
    /// writing. A run that begins anew removes the tables of the one before. Throws Error(io) where the file cannot be
    /// written or is broken.
    Journal(const std::filesystem::path& out, const std::string& heading, std::size_t images, Begin begin);

    bool has(std::size_t index) const { return !lines_[index].empty(); }
    std::size_t count() const { return count_; }

    /// `line` is the image's record as JSON. One call at a time. Throws Error(io), also where the file is gone.
    void add(std::size_t index, std::string line);

    /// All records. Every image must have one.
    std::vector<ImageRecord> take();

private:
    void require_finished(const std::filesystem::path& out) const;
    bool read_back(const std::string& heading);
    void set(std::size_t index, std::string line);

    std::filesystem::path path_;
    std::unique_ptr<files::AppendJournal> file_;
    std::vector<std::string> lines_;
    std::size_t count_ = 0;
};

}  // namespace locus::evaluate
