#pragma once

namespace locus::localize {

/// Throws Error(resource) for a map or picture of this size where it passes most_side or most_pixels
/// (`locus/boxes.hpp`).
void require_size(int width, int height);

}  // namespace locus::localize
