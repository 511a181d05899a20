#pragma once

/// Tensors and element types between Locus and LibTorch.

#include <ATen/core/Tensor.h>

#include "locus/tensor.hpp"

namespace locus::train {

/// Both throw Error(unsupported) for types that the other side does not have.
at::ScalarType torch_type(DataType type);
DataType locus_type(at::ScalarType type);

/// Both copy.
at::Tensor to_torch(const Tensor& tensor);
Tensor from_torch(const at::Tensor& tensor);

/// Whether values of this type have 16 bits: what networks are stored in, never what they are trained in.
inline bool is_half(at::ScalarType type) { return type == at::kHalf || type == at::kBFloat16; }

}  // namespace locus::train
