#pragma once

/// Where the channels of a feature map stand, which no ONNX file says and the operators around it tell.

#include <string>

#include "model/graph.hpp"
#include "model/head.hpp"
#include "model/shapes.hpp"

namespace locus::explain {

/// channels_first or channels_last, for a tensor of four dimensions: by the nearest operator that tells, reached through those that
/// keep the layout; where none does, by which of its sizes are equal.
model::FeatureLayout layout_of(const model::Index& index, const model::Shapes& shapes, const std::string& tensor);

}  // namespace locus::explain
