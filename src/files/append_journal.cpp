#include "files/append_journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "files/same_file.hpp"
#include "locus/error.hpp"
#include "text/utf8.hpp"

namespace locus::files {

namespace fs = std::filesystem;

AppendJournal::AppendJournal(fs::path path, const std::string& where_locked) : path_(std::move(path)) {
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    if (error) fail_to("write", error.value());
    while (true) {
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor_ < 0) fail_to("write", errno);
        const bool is_locked = ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        // Another run may have ended, and removed its journal, between the two calls.
        if (!is_locked && is_in_place()) return;
        ::close(descriptor_);
        if (is_locked) throw Error(ErrorKind::usage, where_locked);
    }
}

AppendJournal::~AppendJournal() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void AppendJournal::fail_to(const char* what, int error) const {
    throw Error(ErrorKind::io, fmt::format("cannot {} {}: {}", what, text::to_utf8(path_.native()),
                                           std::generic_category().message(error)));
}

AppendJournal::FirstLine AppendJournal::first_line() const {
    std::ifstream stream(path_, std::ios::binary);
    FirstLine first;
    first.is_whole = std::getline(stream, first.text) && !stream.eof();
    return first;
}

void AppendJournal::begin(std::string_view heading) {
    cut_at(0);
    append(std::string(heading));
}

void AppendJournal::read_back(const std::function<bool(const std::string&, std::uint64_t)>& take) {
    std::ifstream stream(path_, std::ios::binary);
    std::string line;
    std::uint64_t end = 0;
    while (std::getline(stream, line) && !stream.eof()) {  // eof: without its end
        if (end > 0 && !take(line, end)) break;
        end += line.size() + 1;
    }
    cut_at(end);
}

void AppendJournal::cut_at(std::uint64_t end) {
    if (::ftruncate(descriptor_, static_cast<off_t>(end)) != 0) fail_to("shorten", errno);
    end_ = end;
}

std::uint64_t AppendJournal::append(std::string line) {
    line += '\n';
    for (std::size_t written = 0; written < line.size();) {
        const ssize_t count =
            ::pwrite(descriptor_, line.data() + written, line.size() - written, static_cast<off_t>(end_ + written));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_to("write", errno);
        written += static_cast<std::size_t>(count);
    }
    return std::exchange(end_, end_ + line.size());
}

bool AppendJournal::is_in_place() const { return is_still_at(descriptor_, path_); }

std::string AppendJournal::read(std::uint64_t offset, std::size_t length) const {
    std::string bytes(length, '\0');
    for (std::size_t done = 0; done < length;) {
        const ssize_t count =
            ::pread(descriptor_, bytes.data() + done, length - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) fail_to("read", count < 0 ? errno : EIO);  // 0: somebody shortened it
        done += static_cast<std::size_t>(count);
    }
    return bytes;
}

void AppendJournal::remove() {
    std::error_code error;
    fs::remove(path_, error);
    if (error) fail_to("remove", error.value());
    ::close(std::exchange(descriptor_, -1));
}

}  // namespace locus::files
