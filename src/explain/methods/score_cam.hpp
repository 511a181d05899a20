#pragma once

/// Weights by what the score is when only a channel's region of the input is left.
///
/// - score-cam (Wang et al. 2020): w = softmax over k of y(x * mask_k), mask_k the upsampled, min-maxed A_k. By default
///   as pytorch-grad-cam: resized
///   with the corners' centres aligned, then min-maxed; Variant::torchcam: min-maxed, then resized edge to edge. Masks multiply the normalised input.
/// - ss-cam (Wang et al. 2020): the mean of y over 35 draws of noise of standard deviation 2 added to A_k.
/// - is-cam (Naidu et al. 2020): the mean of y over the masks i/10 mask_k, i = 1..10.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_score_cam(const Network& network, const MethodOptions& options);
Prepared prepare_ss_cam(const Network& network, const MethodOptions& options);
Prepared prepare_is_cam(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
