#pragma once

/// Where the files of a tar archive lie, so that they can be read in place, in any order, by many threads.
///
///     for (const dataset::TarMember& member : dataset::index_tar("train-00.tar"))
///         read(member.offset, member.size);   // bytes of the tar file
///
/// Reads uncompressed ustar, pax (path and size records) and GNU (long names) archives. Only regular files are listed;
/// folders, links and devices are passed over.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace locus::dataset {

struct TarMember {
    std::string name;          ///< path inside the archive, as it stands there
    std::uint64_t offset = 0;  ///< of the file's first byte in the archive
    std::uint64_t size = 0;    ///< bytes
};

/// The regular files of the archive in its order. Throws Error(io) where it cannot be read, is no tar, is compressed or
/// ends too early.
std::vector<TarMember> index_tar(const std::filesystem::path& archive);

}  // namespace locus::dataset
