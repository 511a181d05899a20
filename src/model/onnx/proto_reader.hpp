#pragma once

/// From ONNX's protobuf messages to a `Model`.

#include <onnx/onnx_pb.h>

#include "model/graph.hpp"
#include "model/onnx/external_data.hpp"

namespace locus::model {

/// Consumes the message, so that no weight is held twice. What Locus does not read is kept as it stands in
/// `Model::rest` and the like. Throws Error(model) where the message is not a valid model.
Model read_model(onnx::ModelProto& proto, ExternalData& external);

/// Consumes the message. The graph as it stands: whether names fit each other is not looked at, nor are nodes sorted.
Graph read_graph(onnx::GraphProto& proto, ExternalData& external);

}  // namespace locus::model
