#pragma once

/// The trained network as a file that explains itself: preprocessing and labels in its metadata.

#include <filesystem>
#include <string>
#include <vector>

#include "locus/preprocessing.hpp"
#include "model/graph.hpp"

namespace locus::train {

/// Writes the model with its preprocessing and labels. Throws Error(io).
void export_model(model::Model model, const Preprocessing& preprocessing, const std::vector<std::string>& labels,
                  const std::filesystem::path& file);

}  // namespace locus::train
