#pragma once

/// Older operator sets raised to the one that the derivative is written in.
///
///     model::raise_opset(model);   // opset 7 to 16 become 17; 17 and newer stay as they are

#include "model/graph.hpp"

namespace locus::model {

/// The operator set that older models are raised to: of IR version 8, which every tool of the last years reads.
inline constexpr std::int64_t raised_opset = 17;

/// Rewrites the operators whose form has changed since (attributes that became inputs, Softmax over flattened axes,
/// Upsample, …) and sets opset and IR version. A model of opset 17 or newer is left alone. Throws Error(unsupported)
/// for opsets below 7, and for a node whose old form has no equal, naming it.
void raise_opset(Model& model);

}  // namespace locus::model
