#pragma once

/// Tensors in ONNX's protobuf messages, wherever their elements lie: in the message, in one of its many fields, or in
/// another file.

#include <onnx/onnx_pb.h>

#include "locus/tensor.hpp"
#include "model/onnx/external_data.hpp"

namespace locus::model {

/// True for what Tensor can hold; strings and types that came later are carried through.
bool is_dense(const onnx::TensorProto& proto);

/// Takes the elements out of the message. Throws Error(model) where shape, type and elements do not fit each other, and
/// what `ExternalData::read` throws.
Tensor read_tensor(onnx::TensorProto& proto, ExternalData& external);

/// Puts external data into the message, for what is carried through unread: there it would point at files that the
/// reader of our bytes does not have, or should not open.
void take_in(onnx::TensorProto& proto, ExternalData& external);
void take_in(onnx::SparseTensorProto& proto, ExternalData& external);
void take_in(onnx::AttributeProto& proto, ExternalData& external);
void take_in(onnx::NodeProto& proto, ExternalData& external);
void take_in(onnx::GraphProto& proto, ExternalData& external);

}  // namespace locus::model
