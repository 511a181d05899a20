#pragma once

/// What the pipeline needs of preprocessing beyond `locus/preprocessing.hpp`.

#include "locus/preprocessing.hpp"

namespace locus::image {

/// How long both sides of a photo must be for the network to miss nothing when it is decoded at reduced size: DecodeOptions::reduce_to.
int needed_side(const Preprocessing& preprocessing);

}  // namespace locus::image
