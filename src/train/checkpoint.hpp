#pragma once

/// Everything training needs to go on: written whole or not at all.
///
///     train::Checkpoint checkpoint;
///     checkpoint.state = R"({"epoch": 3, "step": 120})";
///     checkpoint.tensors["parameter/conv1.weight"] = tensor;
///     train::save_checkpoint(checkpoint, "run/checkpoint.locus");
///
/// The file is a line with its kind and version, a line with the length of the header, the header (JSON: the state and
/// a table of tensors), the tensors' bytes, and a checksum over all of it.

#include <filesystem>
#include <map>
#include <string>

#include "locus/tensor.hpp"

namespace locus::train {

struct Checkpoint {
    std::string state;  ///< JSON
    std::map<std::string, Tensor> tensors;
};

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& file);

/// Throws Error(io) where the file is not there, not a checkpoint, or damaged.
Checkpoint load_checkpoint(const std::filesystem::path& file);

/// The same in two parts: the file's bytes, which may travel, and what they mean. `file` is for error messages.
std::string read_checkpoint(const std::filesystem::path& file);
Checkpoint parse_checkpoint(std::string content, const std::filesystem::path& file);

}  // namespace locus::train
