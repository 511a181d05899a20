#include "train/torch_types.hpp"

#include <cstring>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

at::ScalarType torch_type(DataType type) {
    switch (type) {
        case DataType::float32:
            return at::kFloat;
        case DataType::float64:
            return at::kDouble;
        case DataType::float16:
            return at::kHalf;
        case DataType::bfloat16:
            return at::kBFloat16;
        case DataType::int64:
            return at::kLong;
        case DataType::int32:
            return at::kInt;
        case DataType::int16:
            return at::kShort;
        case DataType::int8:
            return at::kChar;
        case DataType::uint8:
            return at::kByte;
        case DataType::boolean:
            return at::kBool;
        default:
            throw Error(ErrorKind::unsupported, fmt::format("training has no tensors of type {}", name(type)));
    }
}

DataType locus_type(at::ScalarType type) {
    switch (type) {
        case at::kFloat:
            return DataType::float32;
        case at::kDouble:
            return DataType::float64;
        case at::kHalf:
            return DataType::float16;
        case at::kBFloat16:
            return DataType::bfloat16;
        case at::kLong:
            return DataType::int64;
        case at::kInt:
            return DataType::int32;
        case at::kShort:
            return DataType::int16;
        case at::kChar:
            return DataType::int8;
        case at::kByte:
            return DataType::uint8;
        case at::kBool:
            return DataType::boolean;
        default:
            throw Error(ErrorKind::unsupported, fmt::format("ONNX has no tensors of type {}", at::toString(type)));
    }
}

at::Tensor to_torch(const Tensor& tensor) {
    at::Tensor out = at::empty(tensor.shape(), at::TensorOptions().dtype(torch_type(tensor.type())));
    std::memcpy(out.data_ptr(), tensor.bytes().data(), tensor.bytes().size());
    return out;
}

Tensor from_torch(const at::Tensor& tensor) {
    const at::Tensor flat = tensor.detach().to(at::kCPU).contiguous();
    Tensor out(locus_type(flat.scalar_type()), flat.sizes().vec());
    std::memcpy(out.mutable_bytes().data(), flat.data_ptr(), out.bytes().size());
    return out;
}

}  // namespace locus::train
