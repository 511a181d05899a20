#pragma once

/// Scales of Resize and Upsample at which the size that comes out depends on how one multiplies.
///
/// 0.7 is stored as 0.699999988. Of 10 pixels, that makes 7 where the product is rounded to float32, as ONNX Runtime's
/// kernel does, and Locus after it; but 6 where it is not, as in ONNX Runtime's inference of shapes (1.30, tried),
/// which then refuses whatever is written for 7 pixels behind the node.

#include <map>
#include <string>

#include "locus/tensor.hpp"
#include "model/graph.hpp"

namespace locus::model {

/// Replaces such scales, where they are constant, by the next numbers in float32 at which both give the kernel's size.
/// What is sampled moves by some 1e-7 of its place. Nodes that read a size which does not follow from `input_shapes`
/// (`infer_shapes`), and those that crop, are left alone.
void settle_resize_scales(Model& model, const std::map<std::string, Shape>& input_shapes);

}  // namespace locus::model
