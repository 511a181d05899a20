/// Element by element operators and activations.

#include <ATen/ATen.h>

#include "locus/error.hpp"
#include "train/operators.hpp"

namespace locus::train {

namespace {

Tensors relu(Call& call) {
    at::Tensor x = call.input(0);
    return {call.may_overwrite ? x.relu_() : x.relu()};
}

Tensors add(Call& call) {
    at::Tensor x = call.input(0);
    const at::Tensor& y = call.input(1);
    if (call.may_overwrite && x.sizes() == y.sizes()) return {x.add_(y)};
    return {x + y};
}

Tensors identity(Call& call) { return {call.input(0)}; }

}  // namespace

const OperatorTable& elementwise_operators() {
    static const OperatorTable table{
        {"Add", add},
        {"Identity", identity},
        {"Relu", relu},
    };
    return table;
}

}  // namespace locus::train
