#pragma once

/// What a run's journal says of an image that is done: one line, fields between tabs, the last of them a checksum, by
/// which a line that a crash left torn or blank is told from a whole one.

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "report/results.hpp"

namespace locus::report {

/// The line of image `index`, without an end of line, made wherever the image was done. All files that `record` names
/// must be whole at their places: the line says that they are. `preview` is a JPEG for the report, where one is wanted.
std::string journal_line(std::size_t index, const ImageRecord& record, std::span<const std::byte> preview,
                         bool wants_preview);
std::string journal_line(std::size_t index, const Failure& failure);

struct JournalLine {
    std::size_t index = 0;
    bool is_failure = false;
    std::string json;           ///< its entry of results.json
    std::string maps, preview;  ///< for ReportWriter::image; empty where no preview was wanted, and of a failure
};

/// Nothing of a line that is damaged, or none of journal_line.
std::optional<JournalLine> read_journal_line(std::string_view line);

}  // namespace locus::report
