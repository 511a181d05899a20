#pragma once

/// What the models of a run are called in its tables.
///
///     evaluate::model_names({"resnet50.onnx", "vgg16.onnx"});          // "resnet50", "vgg16"
///     evaluate::model_names({"m1/model.onnx", "m2/model.onnx"});       // "m1/model", "m2/model"

#include <filesystem>
#include <string>
#include <vector>

namespace locus::evaluate {

/// Each by its file's name without ending. Several of one such name are called by as many of their last folders as tell
/// them apart, and with their ending where folders do not. Throws Error(usage) where a file is given twice.
std::vector<std::string> model_names(const std::vector<std::filesystem::path>& models);

}  // namespace locus::evaluate
