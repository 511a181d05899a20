#pragma once

/// First principal components of feature maps, in float64.
///
///     std::vector<double> map = explain::principal_projection(features, channels, positions);
///     // The sign of an eigenvector is arbitrary, a map's is not: it goes with where the features are large.
///     if (explain::correlation(map, explain::energy(features, channels, positions)) < 0) negate(map);

#include <cstddef>
#include <span>
#include <vector>

namespace locus::explain {

/// Projection of each position's features (`features` is [K, positions], each channel's mean taken off) on the first
/// right singular vector. Computed from the smaller Gram matrix. All zeros for features that do not vary.
std::vector<double> principal_projection(std::span<const float> features, std::size_t channels, std::size_t positions);

/// Kernel PCA's first component (Schölkopf et al. 1998) with the sigmoid kernel tanh(x . y / K + 1) of the positions'
/// features, each channel's mean taken off first, centred in feature space. The eigenvector times the root of its
/// eigenvalue.
std::vector<double> kernel_principal_projection(std::span<const float> features, std::size_t channels,
                                                std::size_t positions);

/// sum_k w_k A_k at each position of features [K, positions]; with `principal`, the first principal component of the
/// terms w_k A_k in place of their sum, with its sign.
std::vector<double> weighted_sum(std::span<const float> features, std::span<const double> weights,
                                 std::size_t positions, bool principal);

/// Pearson's correlation; 0 where one of the two is constant.
double correlation(std::span<const double> a, std::span<const double> b);

/// sum_k A_k^2 at each position of features [K, positions].
std::vector<double> energy(std::span<const float> features, std::size_t channels, std::size_t positions);

}  // namespace locus::explain
