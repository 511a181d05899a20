#include "files/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <tuple>
#include <utility>

#include "locus/error.hpp"
#include "text/utf8.hpp"

namespace fs = std::filesystem;

namespace locus::files {
namespace {

constexpr std::string_view part_prefix = ".locus-part-";
constexpr std::size_t buffer_size = std::size_t{1} << 18;

/// Writes all; 0, or the number of the error.
int write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

/// Whether somebody writes into the part file: a writer holds its lock, which ends with the process.
bool is_at_work(const fs::path& part) {
    const int descriptor = ::open(part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0) return false;
    const bool locked = ::flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(descriptor);
    return locked;
}

/// A new file to write into, its descriptor and path; -1 and the error in errno. What another process left, or uses,
/// under the same name, on this machine or on another one that shares the folder, is left alone.
std::pair<int, fs::path> open_part(const fs::path& folder, int flags, mode_t mode) {
    static std::atomic<unsigned> counter{0};
    while (true) {
        fs::path part = folder / fmt::format("{}{}-{}", part_prefix, ::getpid(), counter++);
        const int descriptor = ::open(part.c_str(), flags | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor >= 0 || errno != EEXIST) return {descriptor, std::move(part)};
    }
}

}  // namespace

void write_file_atomically(const fs::path& path, std::string_view bytes) {
    AtomicFile file(path);
    file.write(bytes);
    file.commit();
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
    write_file_atomically(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
    std::error_code none;
    // A link leads to the file that is meant; a pipe or a device is written to, not replaced.
    fs::file_type type = fs::symlink_status(path_, none).type();
    if (type == fs::file_type::symlink && fs::exists(path_, none)) {
        path_ = fs::canonical(path_, none);
        type = fs::status(path_, none).type();
    }
    if (type == fs::file_type::fifo || type == fs::file_type::character || type == fs::file_type::block) {
        descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
        if (descriptor_ < 0) fail(errno);
        return;
    }
    std::tie(descriptor_, part_) = open_part(path_.parent_path(), O_WRONLY, 0666);
    if (descriptor_ < 0 && errno == ENOENT && !path_.parent_path().empty()) {
        std::error_code error;
        fs::create_directories(path_.parent_path(), error);
        if (error) fail(error.value());
        std::tie(descriptor_, part_) = open_part(path_.parent_path(), O_WRONLY, 0666);
    }
    if (descriptor_ < 0) fail(errno);
    ::flock(descriptor_, LOCK_EX | LOCK_NB);  // where the file system has locks, remove_part_files sees it
    // A file that is replaced stays as private as it was. Before anything is written, so that nobody reads a part of it.
    struct stat replaced {};
    if (type == fs::file_type::regular && ::stat(path_.c_str(), &replaced) == 0)
        ::fchmod(descriptor_, replaced.st_mode & 0777);
}

AtomicFile::~AtomicFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (!part_.empty()) ::unlink(part_.c_str());
}

void AtomicFile::fail(int error) const {
    throw Error(ErrorKind::io, fmt::format("cannot write {}: {}", text::to_utf8(path_.native()),
                                           std::generic_category().message(error)));
}

void AtomicFile::flush(std::string_view bytes) {
    if (const int error = write_all(descriptor_, bytes); error != 0) fail(error);
}

void AtomicFile::write(std::string_view bytes) {
    if (buffer_.empty() && bytes.size() >= buffer_size) return flush(bytes);
    buffer_.append(bytes);
    if (buffer_.size() >= buffer_size) {
        flush(buffer_);
        buffer_.clear();
    }
}

void AtomicFile::commit() {
    flush(buffer_);
    buffer_.clear();
    // Some file systems report a full disk only here.
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed == 0 && (part_.empty() || ::rename(part_.c_str(), path_.c_str()) == 0)) return;
    const int error = errno;
    if (!part_.empty()) ::unlink(part_.c_str());
    fail(error);
}

Spool::Spool(const fs::path& folder) : folder_(folder) {
    fs::path part;
    std::tie(descriptor_, part) = open_part(folder, O_RDWR, 0600);
    if (descriptor_ < 0) fail(errno);
    ::unlink(part.c_str());
}

Spool::~Spool() { ::close(descriptor_); }

void Spool::fail(int error) const {
    throw Error(ErrorKind::io, fmt::format("cannot put text aside in {}: {}", text::to_utf8(folder_.native()),
                                           std::generic_category().message(error)));
}

void Spool::write(std::string_view bytes) {
    buffer_.append(bytes);
    if (buffer_.size() < buffer_size) return;
    if (const int error = write_all(descriptor_, buffer_); error != 0) fail(error);
    buffer_.clear();
}

void Spool::move_to(AtomicFile& file) {
    if (::lseek(descriptor_, 0, SEEK_SET) != 0) fail(errno);
    std::string piece(buffer_size, '\0');
    while (true) {
        const ssize_t count = ::read(descriptor_, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail(errno);
        if (count == 0) break;
        file.write(std::string_view(piece).substr(0, static_cast<std::size_t>(count)));
    }
    file.write(buffer_);
    buffer_.clear();
    if (::ftruncate(descriptor_, 0) != 0 || ::lseek(descriptor_, 0, SEEK_SET) != 0) fail(errno);
}

std::size_t remove_part_files(const fs::path& folder) {
    std::size_t removed = 0;
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        std::error_code unknown;
        if (entry->path().filename().native().starts_with(part_prefix) &&
            entry->symlink_status(unknown).type() == fs::file_type::regular && !is_at_work(entry->path()))
            removed += fs::remove(entry->path(), unknown) ? 1 : 0;
    }
    return removed;
}

}  // namespace locus::files
