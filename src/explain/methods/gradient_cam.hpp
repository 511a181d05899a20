#pragma once

/// The gradient family of class activation maps: formulas over the features A and their gradient g = dy/dA of one
/// layer.
///
/// Each writes the nodes of a raw map (see MapNodes). S_k is the sum of A_k over positions, <.> the mean.

#include "explain/method.hpp"
#include "explain/shared_pass.hpp"

namespace locus::explain {

model::Value grad_cam(MapGraph& graph, std::size_t layer,
                      const model::Value& classes);  ///< sum_k <g_k> A_k. Selvaraju et al. 2017
model::Value grad_cam_pp(
    MapGraph& graph, std::size_t layer,
    const model::Value& classes);  ///< w_k = sum relu(g) g^2 / (2 g^2 + S_k g^3 + 1e-6). Chattopadhay et al. 2018
model::Value xgrad_cam(MapGraph& graph, std::size_t layer,
                       const model::Value& classes);  ///< w_k = sum g A / (S_k + 1e-7). Fu et al. 2020
model::Value layer_cam(MapGraph& graph, std::size_t layer,
                       const model::Value& classes);  ///< sum_k relu(g) A. Jiang et al. 2021
model::Value hires_cam(MapGraph& graph, std::size_t layer,
                       const model::Value& classes);  ///< sum_k g A. Draelos & Carin 2020
model::Value grad_cam_elementwise(MapGraph& graph, std::size_t layer,
                                  const model::Value& classes);  ///< sum_k relu(g A)
model::Value shapley_cam(MapGraph& graph, std::size_t layer,
                         const model::Value& classes);  ///< w_k = <g - 1/2 H A>, H the Hessian of y by A. Cai 2025

/// The operator between the target layer and the scores that has no derivative; empty where all have.
std::string gradient_obstacle(const Network& network);
/// The same between the input and the scores.
std::string input_gradient_obstacle(const Network& network);
/// Of the two, the first there is.
std::string guided_grad_cam_obstacle(const Network& network);

/// grad-cam of y_c - alpha * mean of the nearest classes' logits (Zhang et al. 2025), whatever other target is set.
PassPlan plan_finer_cam(const Network& network, const MethodOptions& options);
Prepared prepare_finer_cam(const Network& network, const MethodOptions& options);
std::string finer_cam_obstacle(const Network& network);
void adjust_finer_cam(const Network& network, MethodOptions& options);

/// Each map of several layers min-maxed, and multiplied: hires-cam fused by product, on the target layer and one at
/// twice its resolution unless layers are given.
PassPlan plan_refine_cam(const Network& network, const MethodOptions& options);
Prepared prepare_refine_cam(const Network& network, const MethodOptions& options);
void adjust_refine_cam(const Network& network, MethodOptions& options);

/// The map sum_k w_k A_k for weights [n, K, 1], [n, h, w]. With eigen smoothing the terms, [n, K, positions]: their
/// first principal component is taken when they come out of the graph (node_method.cpp).
model::Value weighted_map(MapGraph& graph, std::size_t layer, const model::Value& weights);

/// The same for terms [n, K, positions] that are to be summed over the channels.
model::Value summed_map(MapGraph& graph, std::size_t layer, const model::Value& terms);

}  // namespace locus::explain
