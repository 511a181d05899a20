#pragma once

/// Files that appear whole or not at all.
///
///     write_file_atomically("out/boxes.csv", text);
///
///     AtomicFile file("out/results.json");     // written beside the target, under another name
///     file.write("{");
///     ...
///     file.commit();                           // renamed: from here on out/results.json is the new file
///
/// A process that is killed leaves at most a part file, `.locus-part-<pid>-<n>`, beside the target; `remove_part_files`
/// clears them away. The name does not contain the target's, so it fits wherever the target's does. Files are not
/// synced to the disk: they outlive the process, not a power cut. Several threads may write different files at the same
/// time.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace locus::files {

/// Replaces `path` by a file of these bytes; missing folders are made. Throws Error(io) and leaves the old file as it
/// was.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// A file written in pieces. What is not committed is removed by the destructor.
class AtomicFile {
public:
    /// Opens a part file beside `path`, or beside what it links to; missing folders are made. What is no file (a
    /// device, a pipe) is written to as it is. Throws Error(io).
    explicit AtomicFile(std::filesystem::path path);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Appends; throws Error(io), for instance on a full disk.
    void write(std::string_view bytes);

    /// Writes what is buffered, closes and renames. Nothing may be written afterwards. Throws Error(io).
    void commit();

private:
    void flush(std::string_view bytes);
    [[noreturn]] void fail(int error) const;

    std::filesystem::path path_, part_;
    std::string buffer_;
    int descriptor_ = -1;
};

/// Text put aside on the disk, which is to follow other text that is written at the same time. It has no name: nothing
/// is left of it.
class Spool {
public:
    /// `folder` must exist. Throws Error(io).
    explicit Spool(const std::filesystem::path& folder);
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    /// Appends; throws Error(io), for instance on a full disk.
    void write(std::string_view bytes);

    /// Appends all of it to the file, and is empty then. Throws Error(io).
    void move_to(AtomicFile& file);

private:
    [[noreturn]] void fail(int error) const;

    std::filesystem::path folder_;
    std::string buffer_;
    int descriptor_ = -1;
};

/// Removes the part files that killed runs left in `folder` and below (links are not followed). Returns how many. Those
/// that somebody is writing stay.
std::size_t remove_part_files(const std::filesystem::path& folder);

}  // namespace locus::files
