#pragma once

/// What the pipeline needs of preprocessing beyond `locus/preprocessing.hpp`.

#include <cstdint>

#include "locus/preprocessing.hpp"
#include "locus/tensor.hpp"

namespace locus::image {

/// [batch, C, H, W] or [batch, H, W, C]: the network's input for so many photos. Throws Error(usage) as preprocess
/// does.
Shape input_shape(const Preprocessing& preprocessing, std::int64_t batch);

/// Throws Error(usage) where the network's channels are not those of a photo: one sentence that says what it takes.
void require_photo_channels(const Preprocessing& preprocessing);

/// How long both sides of a photo must stay for the network to miss next to nothing when it is decoded at reduced size:
/// DecodeOptions::reduce_to. Three times the input's: a decoder averages blocks, which blurs otherwise than
/// preprocessing does, and what is left to that evens it out. (At once its size, MobileNet V1's probabilities at 128 x
/// 128 changed by up to 0.19 and 3 of 28 photos had another best class.)
int needed_side(const Preprocessing& preprocessing);

}  // namespace locus::image
