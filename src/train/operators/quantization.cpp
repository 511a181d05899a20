/// Quantization as training sees it: values are rounded, and the gradient passes where the value is within the range
/// (Bengio et al. 2013, the straight-through estimator). Quantized values stay floats that hold whole numbers, so that
/// LibTorch can differentiate what lies between.

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "locus/error.hpp"
#include "train/operators/operators.hpp"
#include "train/torch_types.hpp"

namespace locus::train {

namespace {

struct Limits {
    double least = 0, most = 255;
};

Limits limits_of(const Call& call, at::ScalarType type) {
    switch (type) {
        case at::kByte:
            return {0, 255};
        case at::kChar:
            return {-128, 127};
        case at::kShort:
            return {-32768, 32767};
        case at::kInt:
            return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
        default:
            cannot_run(call.node, fmt::format("quantization to {}", name(locus_type(type))));
    }
}

/// Whole numbers whose gradient is that of `x`.
at::Tensor straight_through_round(const at::Tensor& x) { return x + (at::round(x) - x).detach(); }

/// Scale or zero point of each slice along `axis`, shaped to go with `x`.
at::Tensor along_axis(const Call& call, const at::Tensor& values, const at::Tensor& x) {
    if (call.node.int_or("block_size", 0) != 0) cannot_run(call.node, "quantization in blocks");
    if (values.numel() == 1) return values.reshape({});
    const std::int64_t axis = positive_axis(call, call.node.int_or("axis", 1), x.dim());
    if (values.dim() != 1 || values.numel() != x.size(axis)) {
        throw Error(ErrorKind::model,
                    fmt::format("{} ({}): {} scales or zero points for {} slices", call.node.description(),
                                call.node.op_type, values.numel(), x.size(axis)));
    }
    std::vector<std::int64_t> shape(static_cast<std::size_t>(x.dim()), 1);
    shape[static_cast<std::size_t>(axis)] = values.numel();
    return values.reshape(shape);
}

at::Tensor zero_point(const Call& call, const at::Tensor& x, const at::Tensor& scale) {
    if (!call.has(2)) return at::zeros({}, scale.options().requires_grad(false));
    return along_axis(call, call.input(2), x).to(scale.scalar_type());
}

Tensors quantize_linear(Call& call) {
    const at::Tensor x =
        at::isFloatingType(call.input(0).scalar_type()) ? call.input(0) : call.input(0).to(call.computes_in);
    const at::Tensor scale = along_axis(call, call.input(1), x).to(x.scalar_type());
    const std::int64_t named = call.node.int_or("output_dtype", 0);
    const at::ScalarType type = named         ? torch_type(static_cast<DataType>(named))
                                : call.has(2) ? call.input(2).scalar_type()
                                              : at::kByte;
    // A zero point that the graph computes by quantizing is a float as well; such graphs are of bytes.
    const Limits limits = limits_of(call, at::isFloatingType(type) ? at::kByte : type);
    return {at::clamp(straight_through_round(x / scale) + zero_point(call, x, scale), limits.least, limits.most)};
}

Tensors dequantize_linear(Call& call) {
    const at::Tensor& q = call.input(0);
    const at::Tensor scale = along_axis(call, call.input(1), q).to(call.computes_in);
    return {(q.to(call.computes_in) - zero_point(call, q, scale)) * scale};
}

/// To bytes, by the range of the values, zero included.
Tensors dynamic_quantize_linear(Call& call) {
    const at::Tensor& x = call.input(0);
    const at::Tensor zero = at::zeros({}, x.options().requires_grad(false));
    const at::Tensor least = at::minimum(x.detach().min(), zero), most = at::maximum(x.detach().max(), zero);
    const at::Tensor scale = (most - least) / 255;
    const at::Tensor divisor = at::where(scale == 0, at::ones_like(scale), scale);
    const at::Tensor offset = at::clamp(at::round(-least / divisor), 0, 255);
    return {at::clamp(straight_through_round(x / divisor) + offset, 0, 255), scale, offset.to(at::kByte)};
}

}  // namespace

const OperatorTable& quantization_operators() {
    static const OperatorTable table{
        {"DequantizeLinear", dequantize_linear},
        {"DynamicQuantizeLinear", dynamic_quantize_linear},
        {"QuantizeLinear", quantize_linear},
    };
    return table;
}

}  // namespace locus::train
