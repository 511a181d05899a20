#pragma once

/// What the pipeline needs of preprocessing beyond `locus/preprocessing.hpp`.

#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus::image {

/// [1, C, H, W] or [1, H, W, C]: the network's input for one photo. Throws Error(usage) as preprocess does.
Shape input_shape(const Preprocessing& preprocessing);

/// How long both sides of a photo must be for the network to miss nothing when it is decoded at reduced size: DecodeOptions::reduce_to.
int needed_side(const Preprocessing& preprocessing);

}  // namespace locus::image
