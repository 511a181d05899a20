#pragma once

#include "locus/error.hpp"
#include "locus/tensor.hpp"

namespace locus::model {

/// The first element of a constant, whatever its type: its only one, where it stands for a number. Throws Error(model)
/// where it has none, and what Tensor::to throws.
inline double first_number(const Tensor& constant) {
    if (constant.size() == 0) throw Error(ErrorKind::model, "a constant is empty where a number is expected");
    const Tensor numbers = constant.to(DataType::float64);
    return numbers.values<double>()[0];
}

}  // namespace locus::model
