#pragma once

/// Filling in pixels so that their absence does not show.

#include <vector>

namespace locus::evaluate {

/// Noisy linear imputation (Rong et al. 2022): each removed pixel becomes the weighted mean of its neighbours, 1/6
/// straight and 1/12 diagonal, the removed ones among them included: a linear system, solved to a relative residual of
/// 1e-6. Weights of neighbours outside the image are left out. What the image has in the removed pixels is where the
/// solver begins: it changes the time, and the result within that residual. Without any pixel left, 0. `removed` is [H,
/// W], `image` [C, H, W]; no noise is added.
std::vector<float> impute(const std::vector<float>& image, const std::vector<bool>& removed, int channels, int height,
                          int width);

}  // namespace locus::evaluate
