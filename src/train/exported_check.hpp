#pragma once

/// What a written file does in ONNX Runtime: the figures that count.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "train/validation.hpp"

namespace locus::train {

/// Validates `file` with ONNX Runtime at all thresholds, writes classes.csv and localization.csv into `folder`, and
/// says how good it is and how far its scores are from those of `own`, the trainer's. `outputs`: the scores' tensor
/// and, where localization is wanted, the pooled map's.
ValidationResult check_exported(const std::filesystem::path& file, const std::vector<std::string>& outputs,
                                PhotoStore& photos, EngineThreads& threads, ValidationOptions options,
                                const std::function<Tensor(const Tensor&)>& own, const std::filesystem::path& folder,
                                const std::vector<std::string>& classes,
                                const std::function<void(const std::string&)>& say);

}  // namespace locus::train
