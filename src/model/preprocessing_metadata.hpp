#pragma once

/// What a model file says of its own preprocessing and labels, and where each value was found.
///
/// Looked for, the first that has it wins: metadata_props of the ONNX file (`mean`, `std`, `size`, `layout`, `color`, `range`, `resize`,
/// `crop_pct`, `labels`), a Hugging Face `preprocessor_config.json` / `config.json` beside the file, the shape of the graph's input; else
/// ImageNet's.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "model/graph.hpp"

namespace locus::model {

struct Metadata {
    Preprocessing preprocessing;
    std::vector<std::string> labels;             ///< empty where there are none
    std::map<std::string, std::string> origins;  ///< "mean" to "model metadata", "preprocessor_config.json", "graph input", "ImageNet default", …
};

/// `input` is the graph's image input. Throws Error(model) where a value is there but cannot be read, naming key and value.
Metadata read_metadata(const Model& model, const std::filesystem::path& model_file, const ValueInfo& input);

/// Sets the metadata_props that `read_metadata` reads.
void write_metadata(Model& model, const Preprocessing& preprocessing, const std::vector<std::string>& labels);

/// One label a line; blank lines at the end are ignored, CRLF understood. Also a JSON list or object of index to name. Throws Error(io) or Error(usage).
std::vector<std::string> read_labels(const std::filesystem::path& file);

}  // namespace locus::model
