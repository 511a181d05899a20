#pragma once

/// A model repository for NVIDIA's Triton Inference Server around an explained model.
///
///     deploy::write_triton_repository(explained, "repository");
///     // repository/explained/config.pbtxt, labels.txt (where the model has labels), 1/model.onnx
///
/// The server's ONNX Runtime backend runs it as it is: `tritonserver --model-repository repository`.

#include <filesystem>
#include <string>

#include "model/graph.hpp"

namespace locus::deploy {

/// Throws Error(io). The batch is the first dimension of each port, as the server wants it, and requests are put
/// together to batches of up to 16; where the model fixes its batch, max_batch_size is 0 and ports have all their
/// dimensions. Labels belong to the output `logits`: clients that ask for its classes get their names.
void write_triton_repository(const model::Model& explained, const std::filesystem::path& folder,
                             const std::string& name = "explained");

/// The text of config.pbtxt.
std::string triton_configuration(const model::Model& explained, const std::string& name);

}  // namespace locus::deploy
