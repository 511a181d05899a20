#pragma once

/// Occlusion sensitivity (Zeiler & Fergus 2014, section 4.2): how much a class's probability drops with a patch over
/// the image. Needs nothing of the network but its scores.
///
/// The map has 14 x 14 positions. The patch is two positions wide and centred on each, so that it is clipped at the
/// borders and the map lies on the image without a shift; it holds what the preprocessing makes of the mean colour.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_occlusion(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
