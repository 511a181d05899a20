#pragma once

/// Maps of the gradient by the input, [3, H, W] reduced over the channels: by the greatest amount where the sign says
/// nothing, else by the sum.
///
/// | method | map |
/// | --- | --- |
/// | saliency | max abs dy/dx (Simonyan et al. 2014) |
/// | input-x-gradient | sum x dy/dx (Shrikumar et al. 2016) |
/// | smooth-grad | max abs of the mean of dy/dx over 50 noisy inputs, noise 0.15 of the input's range (Smilkov et al. 2017) |
/// | integrated-gradients | sum (x - black) times the mean of dy/dx on the way from black to x, 32 midpoints (Sundararajan et al. 2017) |
/// | guided-backprop | sum of dy/dx with Relu's guided rule (Springenberg et al. 2014) |
/// | deconvnet | sum of dy/dx with the deconvnet's rule (Zeiler & Fergus 2013) |
/// | guided-grad-cam | guided-backprop times grad-cam's positive part, resized (Selvaraju et al. 2017) |

#include "explain/method.hpp"

namespace locus::explain {

model::Value saliency(MapGraph& graph, std::size_t layer, const model::Value& classes);
model::Value input_x_gradient(MapGraph& graph, std::size_t layer, const model::Value& classes);
model::Value guided_backprop(MapGraph& graph, std::size_t layer, const model::Value& classes);
model::Value deconvnet(MapGraph& graph, std::size_t layer, const model::Value& classes);

Prepared prepare_smooth_grad(const Network& network, const MethodOptions& options);
Prepared prepare_integrated_gradients(const Network& network, const MethodOptions& options);
Prepared prepare_guided_grad_cam(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
