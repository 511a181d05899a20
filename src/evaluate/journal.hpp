#pragma once

/// The records of a run on disk, a line each, so that a run broken off anywhere is taken up where it was.
///
///     evaluate::Journal journal(out / "records.jsonl", heading, resume);
///     if (!journal.has(i)) journal.add(measure(i));
///     std::vector<evaluate::ImageRecord> records = journal.take();     // in the order of the images
///
/// The first line is the heading: what the run measures and with which options. A last line without its end (the process died while
/// writing it) is cut off.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"

namespace locus::evaluate {

class Journal {
public:
    /// For `images` images. With `resume`, takes over the lines of a journal with the same heading; throws Error(usage) where the heading is
    /// another (options, model or data changed). Without, begins anew. Throws Error(io) where the file cannot be written or is broken.
    Journal(std::filesystem::path file, const std::string& heading, std::size_t images, bool resume);

    bool has(std::size_t index) const { return records_[index].has_value(); }
    std::size_t count() const { return count_; }

    /// May be called from several threads.
    void add(ImageRecord record);

    /// All records. Every image must have one.
    std::vector<ImageRecord> take();

private:
    void read_back(const std::string& heading);

    std::filesystem::path file_;
    std::ofstream stream_;
    std::mutex mutex_;
    std::vector<std::optional<ImageRecord>> records_;
    std::size_t count_ = 0;
};

}  // namespace locus::evaluate
