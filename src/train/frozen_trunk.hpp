#pragma once

/// A linear layer on the pooled features of a network that stays as it is: the paper's "deep features for generic
/// localization" (Zhou et al. 2016, section 3.3). The features are computed once, by ONNX Runtime, and kept in the
/// run's folder, until the network, its preprocessing or a photo changes; the fit takes seconds.

#include <cstdint>
#include <vector>

#include "train/options.hpp"

namespace locus::train {

/// Trains as `options` say (from, head, data, validation, epochs of the fit, seed, output, half_weights) and writes the
/// network with its new layer. Of the options on photos and steps none applies: each photo is seen once, as the network's
/// own preprocessing has it. Throws Error(usage) for the head fc, which pools nothing.
TrainOutcome train_on_frozen_trunk(const TrainOptions& options);

struct LinearLayer {
    Tensor weight;  ///< float32 [classes, K]
    Tensor bias;    ///< float32 [classes]
};

/// Softmax regression (multi-label: logistic) on features [n, K], whose targets are given as lists of labels: AdamW on
/// standardised features with a learning rate that falls as half a cosine; the standardisation is folded into the
/// layer.
LinearLayer fit_linear_layer(const Tensor& features, const std::vector<std::vector<int>>& labels, int classes,
                             bool multi_label, int epochs, std::uint64_t seed);

}  // namespace locus::train
