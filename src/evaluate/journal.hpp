#pragma once

/// The records of a run on disk, a line each, so that a run broken off anywhere is taken up where it was.
///
///     evaluate::Journal journal(out / "records.jsonl", heading, images, Begin::resume);
///     if (!journal.has(i)) journal.add(i, to_json(measure(i)));
///     std::vector<evaluate::ImageRecord> records = journal.take();     // in the order of the images
///
/// The first line is the heading: what the run measures and with which options. A last line without its end (the process died while
/// writing it) is cut off. The file is locked while the journal lives: a second run in the same folder is refused.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"

namespace locus::evaluate {

class Journal {
public:
    /// For `images` images. With `resume`, takes over the lines of a journal with the same heading; throws Error(usage) where the heading is
    /// another (options, model or data changed). Without, begins anew. Throws Error(io) where the file cannot be written or is broken, and
    /// Error(usage) where another process is writing it.
    Journal(std::filesystem::path file, const std::string& heading, std::size_t images, bool resume);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    bool has(std::size_t index) const { return !lines_[index].empty(); }
    std::size_t count() const { return count_; }

    /// `line` is the image's record as JSON. One call at a time.
    void add(std::size_t index, std::string line);

    /// All records. Every image must have one.
    std::vector<ImageRecord> take();

private:
    void read_back(const std::string& heading);
    void write(const std::string& text);

    std::filesystem::path file_;
    int descriptor_ = -1;
    std::vector<std::string> lines_;
    std::size_t count_ = 0;
};

}  // namespace locus::evaluate
