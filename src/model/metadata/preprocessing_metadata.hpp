#pragma once

/// What a model file says of its own preprocessing and labels, and where each value was found.
///
/// Looked for, the first that has it wins: metadata_props of the ONNX file (`mean`, `std`, `range`, `size`, `layout`,
/// `color`, `resize`, `crop_pct`, `labels`); Hugging Face's `preprocessor_config.json` and `config.json` beside the
/// file (see `hugging_face.hpp`); else ImageNet's. What the graph's input fixes (height, width, layout, one channel)
/// overrules them all, for nothing else would run; an input of uint8 takes raw bytes unless something else is said.
///
///     model::Model m = model::load(file);
///     model::Metadata found = model::read_metadata(m, file, m.graph.inputs.front());
///     found.preprocessing.mean;      // {0.5, 0.5, 0.5}
///     found.origins.at("mean");      // "model metadata"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "model/graph.hpp"
#include "model/metadata/labels.hpp"

namespace locus::model {

struct Metadata {
    Preprocessing preprocessing;
    std::vector<std::string> labels;  ///< empty where there are none
    /// For each of mean, std, range, size, layout, color, resize, crop_pct, type, and labels where there are some:
    /// "model metadata", "preprocessor_config.json", "config.json", "graph input", "ImageNet default" or "default".
    std::map<std::string, std::string> origins;
};

/// `input` is the graph's image input; `model_file` may be empty for a model in memory. Throws Error(model) where a
/// value is there but cannot be used, naming key and value, and where the input takes no pictures (its type, or a rank
/// other than 4).
Metadata read_metadata(const Model& model, const std::filesystem::path& model_file, const ValueInfo& input);

/// What to tell who gives photos to a model of such origins: that ImageNet's mean or deviation, or both, stand in for
/// what nothing says; empty where they do not.
std::string assumed_statistics(const std::map<std::string, std::string>& origins);

/// Sets the metadata_props that `read_metadata` reads, of a network of other channels than a photo's size and layout
/// alone; without labels those that the model has stay.
void write_metadata(Model& model, const Preprocessing& preprocessing, const std::vector<std::string>& labels);

}  // namespace locus::model
