#pragma once

/// What one source (a model's metadata, a configuration file, the graph) says of preprocessing; absent is what it does
/// not say.

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"

namespace locus::model {

struct PreprocessingFacts {
    std::string origin;  ///< for people: "model metadata", "preprocessor_config.json"
    std::optional<std::array<float, 3>> mean, std;
    std::optional<float> range;
    std::optional<int> width, height;
    std::optional<Resize> resize;
    std::optional<float> crop_pct;
    std::optional<ColorOrder> color;
    std::optional<Layout> layout;
    std::vector<std::string> labels;
};

/// What the files that Hugging Face models come with say: `preprocessor_config.json` and `config.json` (of transformers
/// and of timm) in the model's folder, or in the one above where the model lies in a folder named "onnx". One entry a
/// file that is there. A value that is NaN or infinite, as Python writes them, counts as absent; so do mean and std of
/// `other_channels` values, of a network that has those and takes no photos. Throws Error(model), naming file, key and
/// value, where a value cannot be used.
std::vector<PreprocessingFacts> hugging_face_facts(const std::filesystem::path& model_file,
                                                   std::int64_t other_channels = 0);

}  // namespace locus::model
