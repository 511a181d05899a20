#pragma once

/// results.json, piece by piece, so that a million images need no more memory than one. docs/formats.md describes every
/// field, and docs/results.schema.json is its schema.
///
///     file.write(results_head(run));
///     for (...) file.write(results_separator(is_first) + image_json(record));
///     file.write(results_middle(had_images));
///     for (...) file.write(results_separator(is_first) + failure_json(failure));
///     file.write(results_tail(had_failures));
///
/// The same values give the same bytes. Numbers are the shortest decimals that read back as the same value: as the same
/// float32 where the value is one, since that is what networks compute in. NaN and infinities, which JSON lacks, are
/// null. Text that is not UTF-8 shows its bytes as \xNN.

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "report/results.hpp"

namespace locus::report {

/// How far a run came that was stopped.
struct Progress {
    std::size_t done = 0;
    std::size_t inputs = 0;
};

/// Version, model, preprocessing and settings, up to and with the bracket that opens "images". With `progress`,
/// "unfinished" tells of it.
std::string results_head(const RunRecord& run, const std::optional<Progress>& progress = std::nullopt);

/// One image on one line, without an end of line; it is also what the journal and the report's page keep of an image.
std::string image_json(const ImageRecord& image);
std::string failure_json(const Failure& failure);

/// What stands before an entry of "images" or "failed".
std::string results_separator(bool is_first);

/// Closes "images" and opens "failed"; closes everything.
std::string results_middle(bool had_images);
std::string results_tail(bool had_failures);

/// The field "preprocessing", on one line. `sources`: where each value was found.
std::string preprocessing_json(const Preprocessing& preprocessing, const std::map<std::string, std::string>& sources);

/// The run as the report's page has it: results_head's content as one JSON object on one line.
std::string run_json(const RunRecord& run);

}  // namespace locus::report
