#pragma once

/// Tensors of ONNX's protobuf messages under other names.

#include <functional>
#include <string>

#include <onnx/onnx_pb.h>

namespace locus::model {

/// From a tensor's name to the one that it gets.
using Renaming = std::function<std::string(const std::string&)>;

/// Renames what the node reads and makes, and whatever its subgraphs name; "" stays. In a graph, hints on quantization
/// (quantization_annotation), which go by name, are dropped.
void rename_tensors(onnx::NodeProto& node, const Renaming& renamed);
void rename_tensors(onnx::GraphProto& graph, const Renaming& renamed);

}  // namespace locus::model
