#pragma once

/// Batch normalisation whose statistics are those of photos on all ranks, forward and backward.
///
///     train::SumOverRanks sum = [&](at::Tensor& values) { group.sum(values); };
///     train::NormalizedBatch y = train::synchronized_norm(x, weight, bias, 1e-5, sum);   // y.values: differentiable
///
/// As one process would with all of the photos, to rounding. `sum` is called once forward and once backward, and lives
/// until then.

#include <functional>

#include <ATen/core/Tensor.h>

namespace locus::train {

/// In place, the sum of a tensor over ranks.
using SumOverRanks = std::function<void(at::Tensor&)>;

struct NormalizedBatch {
    at::Tensor values;
    at::Tensor mean, unbiased_variance;  ///< [C], over all ranks
};

NormalizedBatch synchronized_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double epsilon,
                                  const SumOverRanks& sum);

}  // namespace locus::train
