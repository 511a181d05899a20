#pragma once

/// A model repository for NVIDIA's Triton Inference Server around an explained model.
///
///     explain::write_triton_repository(explained, "repository");
///     // repository/explained/config.pbtxt, repository/explained/1/model.onnx
///
/// The server's ONNX Runtime backend runs it as it is: `tritonserver --model-repository repository`.

#include <filesystem>
#include <string>

#include "model/graph.hpp"

namespace locus::explain {

/// Throws Error(io). The batch is the first dimension of each port, as the server wants it; where the model fixes it, max_batch_size is 0.
void write_triton_repository(const model::Model& explained, const std::filesystem::path& folder,
                             const std::string& name = "explained");

/// The text of config.pbtxt.
std::string triton_configuration(const model::Model& explained, const std::string& name);

}  // namespace locus::explain
