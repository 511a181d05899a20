#pragma once

/// NumPy's .npz files (a zip archive of .npy files), as the golden maps come.
///
///     std::map<std::string, locus::Tensor> golden = locus::test::read_npz(LOCUS_SHARED "/goldens/vit.npz");
///     auto input = golden.at("input").values<float>();
///
/// Throws std::runtime_error where the file cannot be read.

#include <unistd.h>
#include <zip.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "files/npy.hpp"
#include "locus/tensor.hpp"

namespace locus::test {

struct CloseZip {
    void operator()(zip_t* archive) const { zip_discard(archive); }
    void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

/// Every array of the archive by its name, without the ending ".npy".
inline std::map<std::string, Tensor> read_npz(const std::filesystem::path& file) {
    int code = 0;
    const std::unique_ptr<zip_t, CloseZip> archive(zip_open(file.c_str(), ZIP_RDONLY, &code));
    if (!archive) throw std::runtime_error("no zip archive: " + file.string());
    const auto unpacked = std::filesystem::temp_directory_path() / ("locus-npz-" + std::to_string(::getpid()) + ".npy");
    const auto entries = static_cast<zip_uint64_t>(zip_get_num_entries(archive.get(), 0));
    std::map<std::string, Tensor> arrays;
    for (zip_uint64_t i = 0; i < entries; ++i) {
        zip_stat_t stat;
        const std::unique_ptr<zip_file_t, CloseZip> entry(zip_fopen_index(archive.get(), i, 0));
        if (!entry || zip_stat_index(archive.get(), i, 0, &stat) != 0) {
            throw std::runtime_error("broken zip archive: " + file.string());
        }
        std::string bytes(stat.size, '\0');
        if (zip_fread(entry.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size())) {
            throw std::runtime_error("broken entry " + std::string(stat.name) + " in " + file.string());
        }
        std::ofstream(unpacked, std::ios::binary) << bytes;
        std::string name = stat.name;
        if (name.ends_with(".npy")) name.resize(name.size() - 4);
        arrays.emplace(name, files::read_npy(unpacked));
        std::filesystem::remove(unpacked);
    }
    return arrays;
}

}  // namespace locus::test
