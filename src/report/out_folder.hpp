#pragma once

/// What lies in the folder that a run is to write into, and how an earlier run's files leave it.
///
/// OUT belongs to Locus where OUT/.locus is: `run.json` there holds the settings of a finished run, `journal` the work
/// of an unfinished one (report/run_journal.hpp).

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "locus/error.hpp"

namespace locus::report {

enum class OutState {
    empty,       ///< does not exist, or holds nothing
    finished,    ///< holds a finished run: it may be replaced
    unfinished,  ///< holds a run that was stopped or killed, or is going on: to be resumed, or overwritten on purpose
    foreign,     ///< holds something else, or is a file
};

/// Throws Error(io) where the folder cannot be looked at.
OutState inspect_out(const std::filesystem::path& out);

std::filesystem::path journal_path(const std::filesystem::path& out);
std::filesystem::path settings_path(const std::filesystem::path& out);

/// What marks a folder as that of `locus check`.
inline constexpr const char* check_results = "check.json";

/// Whether a folder is one of those that runs and checks write pictures and arrays into, OUT/maps and the like, and its
/// OUT holds a run or a check.
bool belongs_to_run(const std::filesystem::path& folder);

/// Whether a file that an image's entry of results.json names, its map or a picture, is not in `out`, or is shorter
/// than it was written (a machine that lost its power); false for text that is no such entry.
bool lacks_files(const std::filesystem::path& out, std::string_view image_json);

/// What ends a run, Error(io), where somebody has removed or moved the folder that it writes into, or the journal there.
Error run_is_gone(const std::filesystem::path& out);

/// Removes the files of the run that `out` holds: those that its results.json or journal names, and results.json,
/// boxes.csv, boxes.coco.json and report.html themselves where the run wrote them; then folders left empty. A file that
/// no run wrote stays, and nothing outside `out` is touched, whatever results.json says.
void remove_earlier_run(const std::filesystem::path& out);

/// Removes files by their names below `out`, and folders that this leaves empty. Nothing outside `out` is touched,
/// whatever the names say.
void remove_files(const std::filesystem::path& out, const std::vector<std::string>& names);

}  // namespace locus::report
