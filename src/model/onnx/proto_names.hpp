#pragma once

/// Names in ONNX's protobuf messages: of operator sets, and tensors under other names.

#include <functional>
#include <string>
#include <string_view>

#include <onnx/onnx_pb.h>

namespace locus::model {

/// The domain of an operator set; "" for the standard one, which may be spelt "ai.onnx" as well.
inline std::string_view standard_domain(std::string_view domain) { return domain == "ai.onnx" ? "" : domain; }

/// From a tensor's name to the one that it gets.
using Renaming = std::function<std::string(const std::string&)>;

/// Renames what the node reads and makes, and whatever its subgraphs name; "" stays. In a graph, hints on quantization
/// (quantization_annotation), which go by name, are dropped.
void rename_tensors(onnx::NodeProto& node, const Renaming& renamed);
void rename_tensors(onnx::GraphProto& graph, const Renaming& renamed);

}  // namespace locus::model
