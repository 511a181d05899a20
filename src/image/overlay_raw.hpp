#pragma once

/// overlay_raw on the photo itself.
///
///     locus::draw_overlay_raw(photo, raw, region, boxes, {.label = "tabby 94 %"});
///
/// Each row of the map is interpolated, coloured and mixed while it is in the cache; the map at image resolution is
/// never there as a whole.

#include "locus/overlay.hpp"

namespace locus {

/// `region` is in the pixels of `photo`. Throws Error(usage) for empty photos, maps, regions, for an unknown colour map
/// and for an alpha outside 0 ... 1.
void draw_overlay_raw(Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                      const OverlayOptions& options = {});

}  // namespace locus
