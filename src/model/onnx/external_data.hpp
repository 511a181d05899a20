#pragma once

/// Weights that an ONNX file keeps in other files beside it.
///
///     ExternalData external("models");                       // the model's folder
///     auto bytes = external.read({.location = "weights.bin", .offset = 4096}, 1024);
///
/// A model is data from strangers: it may name files in its own folder and below, and nothing else.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace locus::model {

/// Where a tensor's bytes lie, as TensorProto.external_data says.
struct ExternalLocation {
    std::string location;                 ///< path relative to the model's folder
    std::uint64_t offset = 0;             ///< bytes from the file's beginning
    std::optional<std::uint64_t> length;  ///< bytes; absent: as many as the tensor takes
};

class ExternalData {
public:
    /// Empty where there is no folder to look in (a model in memory): every read is then refused.
    explicit ExternalData(std::filesystem::path folder);

    /// The tensor's `size` bytes. Throws Error(model) where the path is absolute, has "..", or leads out of the folder
    /// by a symbolic link, where no such regular file exists, and where offset or length do not fit the file or the
    /// tensor; Error(io) where the file cannot be read; Error(resource) where all reads together pass 2 GiB, more than
    /// a rewritten model can hold.
    std::vector<std::byte> read(const ExternalLocation& location, std::uint64_t size);

private:
    std::filesystem::path resolve(const std::string& location) const;

    std::filesystem::path folder_;
    std::uint64_t total_ = 0;
};

}  // namespace locus::model
