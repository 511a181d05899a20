#pragma once

/// The trained network as a file that explains itself: preprocessing and labels in its metadata.

#include <filesystem>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "model/graph.hpp"

namespace locus::train {

struct ExportOptions {
    Preprocessing preprocessing;
    std::vector<std::string> labels;
    std::string description;
    bool multi_label = false;   ///< see end_in_sigmoid
    bool half_weights = false;  ///< see store_as_halves
};

/// Writes the model. Throws Error(io).
void export_model(model::Model model, const ExportOptions& options, const std::filesystem::path& file);

/// The probability of each class by itself, 1 / (1 + exp(-score)), becomes the output `probabilities` in place of the
/// scores: so that whoever runs the file knows that its classes do not exclude each other.
void end_in_sigmoid(model::Model& model);

/// Stores the kernels of convolutions as float16, each followed by a Cast to float32: half the file, the arithmetic
/// stays float32, and a session folds the casts when it opens. Weights of linear layers stay as they are, so that class
/// activation maps can be read off them.
void store_as_halves(model::Model& model);

}  // namespace locus::train
