#pragma once

/// Integer Div and Mod without a result. By zero, ONNX Runtime (1.30, tried) refuses them; dividing the least number by
/// -1 is a trap of the processor, which ends the process, and models come from anybody.

#include <map>
#include <string>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {

/// Throws Error(model) naming the first node whose divisor is known and holds 0, or holds -1 where the dividend is
/// known and holds the least int32 or int64. Where operands of these types are not known and may be such, nodes are
/// written before the division that put 1 in the place of -1 where it would trap: the least number comes out again, as
/// arithmetic that wraps around has it. Known is what follows from constants and shapes (`infer_shapes`, with
/// `input_shapes`). Divisions in the bodies of Loop, Scan and If, and those whose type cannot be worked out, are not
/// looked at.
void guard_integer_divisions(Model& model, const std::map<std::string, Shape>& input_shapes);

}  // namespace locus::model
