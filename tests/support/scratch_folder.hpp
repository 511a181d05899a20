#pragma once

/// A folder of a test's own, gone when the test is; whole files in and out.

#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace locus::test {

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw std::runtime_error(file.string() + " cannot be read");
    return {std::istreambuf_iterator<char>(stream), {}};
}

inline void put(const std::filesystem::path& file, std::string_view bytes) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
}

inline void put(const std::filesystem::path& file, std::span<const std::byte> bytes) {
    put(file, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "locus-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
        path_ = pattern;
    }
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

    /// Writes a file, its folders made, and returns its path.
    std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const {
        put(path_ / name, bytes);
        return path_ / name;
    }
    std::filesystem::path write(const std::filesystem::path& name, std::span<const std::byte> bytes) const {
        put(path_ / name, bytes);
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

}  // namespace locus::test
