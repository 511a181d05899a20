/// Shapes, indexing, reductions and casts.

#include <ATen/ATen.h>

#include "locus/error.hpp"
#include "train/operators.hpp"

namespace locus::train {

namespace {

Tensors flatten(Call& call) {
    const at::Tensor& x = call.input(0);
    const std::int64_t given = call.node.int_or("axis", 1);
    const std::int64_t axis = given < 0 ? given + x.dim() : given;
    std::int64_t rows = 1;
    for (std::int64_t i = 0; i < axis; ++i) rows *= x.size(i);
    return {x.reshape({rows, rows == 0 ? 0 : x.numel() / rows})};
}

}  // namespace

const OperatorTable& shape_operators() {
    static const OperatorTable table{
        {"Flatten", flatten},
    };
    return table;
}

}  // namespace locus::train
