#pragma once

/// ONNX files to `Model` and back. Only the files of this folder know protobuf.
///
///     model::Model model = model::load("in.onnx");
///     model.metadata["labels"] = "cat\ndog";
///     model::save(model, "out.onnx");

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/graph.hpp"

namespace locus::model {

/// Bytes: protobuf counts them in 32 bits with a sign.
inline constexpr std::uint64_t largest_onnx_file = std::numeric_limits<std::int32_t>::max();

/// Reads a model with its external data (whose paths may not leave the model's folder). Constant nodes become
/// initializers, initializers are taken off the list of graph inputs, and functions of the model's own are put in the
/// place of the nodes that call them (`proto_functions.hpp`). Throws Error(io) where the file cannot be read and
/// Error(model) where it is not ONNX, is truncated, lacks external data, or is not a valid graph.
Model load(const std::filesystem::path& file);

/// The same from memory; external data is looked for in `folder`.
Model parse(std::span<const std::byte> bytes, const std::filesystem::path& folder = {});

/// The model as an ONNX file's bytes. The same model gives the same bytes. Throws Error(resource) beyond 2 GiB, which
/// is as much as one ONNX file can hold.
std::string serialize(const Model& model);

/// A model as bytes that leave the larger weights out, and those weights beside them: for a runtime in this process,
/// which takes them where they lie. Of any size, and without one more copy of the weights.
struct ApartModel {
    std::string bytes;  ///< weights left out are declared as external data
    std::vector<std::pair<std::string, Tensor>> weights;
};
ApartModel serialize_apart(const Model& model);

/// Names Locus, in this version, as what made the model.
void name_producer(Model& model);

/// Writes beside, then renames: the file appears whole or not at all. Throws Error(io).
void save(const Model& model, const std::filesystem::path& file);

}  // namespace locus::model
