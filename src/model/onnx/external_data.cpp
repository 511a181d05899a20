#include "model/onnx/external_data.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::model {
namespace {

namespace fs = std::filesystem;
using text::quote;

/// Bytes that all weights together may take: half the machine's memory. A small file may be read by any number of
/// tensors.
std::uint64_t most_bytes() {
    constexpr std::uint64_t unknown = std::uint64_t{2} << 30;
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) / 2 : unknown;
}

/// True where `path` lies in `folder` or below; both canonical.
bool lies_in(const fs::path& path, const fs::path& folder) {
    const auto [left, right] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
    return left == folder.end() && right != path.end();
}

}  // namespace

ExternalData::ExternalData(fs::path folder) : folder_(std::move(folder)) {}

fs::path ExternalData::resolve(const std::string& location) const {
    const auto refuse = [&](std::string_view why) -> Error {
        return {ErrorKind::model, fmt::format("external data {} {}", quote(location), why)};
    };
    if (folder_.empty()) throw refuse("is asked for, but the model is not in a folder that could hold it");
    const fs::path relative(location);
    if (location.empty() || location.find('\0') != std::string::npos) throw refuse("is not a file name");
    if (relative.is_absolute()) throw refuse("has an absolute path; it must lie in the model's folder");
    if (std::find(relative.begin(), relative.end(), "..") != relative.end()) {
        throw refuse("leaves the model's folder; it must lie in it");
    }
    std::error_code failed;
    const fs::path home = fs::canonical(folder_, failed);
    if (failed) throw refuse("cannot be found: the model's folder is not there");
    const fs::path target = fs::canonical(home / relative, failed);
    if (failed) throw refuse("is missing from the model's folder");
    if (!lies_in(target, home)) throw refuse("leaves the model's folder through a symbolic link; it must lie in it");
    if (!fs::is_regular_file(target, failed)) throw refuse("is not a regular file");
    return target;
}

std::vector<std::byte> ExternalData::read(const ExternalLocation& location, std::uint64_t size) {
    const fs::path file = resolve(location.location);
    if (location.length && *location.length != size) {
        throw Error(ErrorKind::model,
                    fmt::format("external data {} is said to be {} bytes long, but the tensor takes {}",
                                quote(location.location), *location.length, size));
    }
    std::error_code failed;
    const std::uint64_t available = fs::file_size(file, failed);
    if (failed) throw Error(ErrorKind::io, fmt::format("cannot read {}: {}", quote(file.string()), failed.message()));
    if (location.offset > available || size > available - location.offset) {
        throw Error(ErrorKind::model,
                    fmt::format("external data {} is {} bytes long, but the tensor takes {} bytes from byte {} on",
                                quote(location.location), available, size, location.offset));
    }
    const std::uint64_t most = most_bytes();
    if (size > most - std::min(most, total_))
        throw Error(ErrorKind::resource, "the model's weights take more than half of this machine's memory");
    total_ += size;
    std::vector<std::byte> bytes(size);
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(location.offset));
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!stream) throw Error(ErrorKind::io, fmt::format("cannot read {} bytes of {}", size, quote(file.string())));
    return bytes;
}

}  // namespace locus::model
