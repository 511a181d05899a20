#pragma once

/// The ONNX classifier that `--from` begins with.

#include <filesystem>

#include "locus/preprocessing.hpp"
#include "model/graph.hpp"

namespace locus::train {

struct StartingNetwork {
    model::Model model;
    Preprocessing preprocessing;  ///< as its file says, its size included
};

/// Loads the network. Sides of the input that the file leaves open become those of its preprocessing, for only with
/// them is it known where its feature maps have which resolution. Throws Error(model) for a file that is no image
/// classifier.
StartingNetwork load_starting_network(const std::filesystem::path& file);

}  // namespace locus::train
