#pragma once

/// Principal components of features as maps: eigen-cam (Muhammad & Yeasin 2020), eigengrad-cam (the same of g A) and
/// kpca-cam (kernel PCA; Karmani et al. 2024).
///
/// The sign of a component is arbitrary, and maps with the wrong one come out inverted. It is taken so that the map
/// correlates with the energy sum_k A_k^2; where that correlation is below 0.05 in amount (LayerNorm's outputs have the
/// same energy everywhere), so that it correlates with the class's evidence sum_k g A, and the note says so.

#include "explain/method.hpp"
#include "explain/shared_pass.hpp"

namespace locus::explain {

PassPlan plan_eigen_cam(const Network& network, const MethodOptions& options);
PassPlan plan_eigengrad_cam(const Network& network, const MethodOptions& options);
PassPlan plan_kpca_cam(const Network& network, const MethodOptions& options);
Prepared prepare_eigen_cam(const Network& network, const MethodOptions& options);
Prepared prepare_eigengrad_cam(const Network& network, const MethodOptions& options);
Prepared prepare_kpca_cam(const Network& network, const MethodOptions& options);

/// The same for the explained model, the eigenvector by repeated squaring of the smaller Gram matrix.
model::Value eigen_cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes);
model::Value eigengrad_cam_nodes(MapGraph& graph, std::size_t layer, const model::Value& classes);

}  // namespace locus::explain
