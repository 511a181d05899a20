#pragma once

/// A file of lines that is only ever added to, so that what a run did before it was killed is known to the next one.
///
///     AppendJournal journal("out/records.jsonl", "another run is writing out/records.jsonl: wait for it");
///     if (const auto first = journal.first_line(); first.is_whole && first.text == heading)
///         journal.read_back([&](const std::string& line, std::uint64_t) { return take(line); });
///     else
///         journal.begin(heading);
///     journal.append("what was done next");
///
/// The first line is the heading: what the others are about. A last line without its end (the process died while
/// writing it) counts for nothing. Lines outlive the process as soon as they are added; they are not synced to the disk.
/// The file is locked as long as the object lives.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace locus::files {

class AppendJournal {
public:
    /// Opens the file; where it is missing, it and its folder are made. Throws Error(usage) with the sentence
    /// `where_locked` if another process has it open, and Error(io). A file system without locks keeps nobody away.
    AppendJournal(std::filesystem::path path, const std::string& where_locked);
    ~AppendJournal();
    AppendJournal(const AppendJournal&) = delete;
    AppendJournal& operator=(const AppendJournal&) = delete;

    struct FirstLine {
        std::string text;       ///< without its end
        bool is_whole = false;  ///< false in an empty file, and where its end was not written
    };
    FirstLine first_line() const;

    /// Empties the file and writes the heading. Throws Error(io).
    void begin(std::string_view heading);

    /// Gives each whole line behind the heading to `take`, with the offset of its first byte, until that says false or
    /// throws. The line it says false to and all that follows is cut off. Throws Error(io).
    void read_back(const std::function<bool(const std::string& line, std::uint64_t offset)>& take);

    /// Adds a line, given without its end; returns the offset of its first byte. Only behind `begin` or `read_back`.
    /// Throws Error(io): what is half written then is overwritten by the next line. One call at a time.
    std::uint64_t append(std::string line);

    /// False where it was removed, moved or replaced since: what is added then goes nowhere that anybody looks.
    bool is_in_place() const;

    /// `length` bytes of the file. Throws Error(io).
    std::string read(std::uint64_t offset, std::size_t length) const;

    /// Removes the file; nothing may be added afterwards. Throws Error(io).
    void remove();

private:
    void cut_at(std::uint64_t end);
    [[noreturn]] void fail_to(const char* what, int error) const;

    std::filesystem::path path_;
    int descriptor_ = -1;
    std::uint64_t end_ = 0;
};

}  // namespace locus::files
