#pragma once

/// Smooth Grad-CAM++ (Omeiza et al. 2019): grad-cam++'s weights with g, g^2 and g^3 averaged over noisy copies of the
/// input (10 copies, noise 0.3 of the input's standard deviation unless the options say otherwise), on the features of
/// the clean one.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_smooth_grad_cam_pp(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
