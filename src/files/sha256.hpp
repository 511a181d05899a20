#pragma once

/// The SHA-256 digest (FIPS 180-4) by which results name the model they come from.

#include <filesystem>
#include <string>
#include <string_view>

namespace locus::files {

/// Of a file's bytes, 64 lower-case hexadecimal digits. Reads in pieces; throws Error(io).
std::string sha256_of_file(const std::filesystem::path& file);

/// Of bytes in memory.
std::string sha256(std::string_view bytes);

}  // namespace locus::files
