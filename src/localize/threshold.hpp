#pragma once

namespace locus::localize {

/// A threshold is a share of the map's maximum: throws Error(usage) for one outside [0, 1).
void require_threshold(double threshold);

}  // namespace locus::localize
