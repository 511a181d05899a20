#pragma once

#include "explain/network.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/scratch_folder.hpp"

namespace locus::test {

/// The model as methods see it: written to a file and loaded, one thread a pass.
inline explain::Network loaded(const model::Model& model) {
    const ScratchFolder folder;
    model::save(model, folder.path() / "network.onnx");
    return explain::load_network(folder.path() / "network.onnx", {.threads = 1});
}

}  // namespace locus::test
