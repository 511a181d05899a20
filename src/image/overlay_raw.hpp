#pragma once

/// The photo under the heat of a raw map, in one pass.
///
///     locus::Image picture = locus::overlay_raw(photo, raw, region, boxes, {.label = "tabby 94 %"});
///
/// Shows what overlay(photo, upsample(raw, width, height, region), ...) shows, without the map at image resolution in
/// between: each row is interpolated, coloured and mixed while it is in the cache. One thing differs: where the network
/// did not see the photo (outside `region`), the photo stays as it is.

#include "locus/overlay.hpp"

namespace locus {

/// `region` is in the pixels of `photo`. Throws Error(usage) for empty photos, maps, regions, for an unknown colour map
/// and for an alpha outside 0 ... 1.
Image overlay_raw(const Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                  const OverlayOptions& options = {});

/// The same on the photo itself.
void draw_overlay_raw(Image& photo, const Map& raw, const Region& region, const std::vector<Box>& boxes,
                      const OverlayOptions& options = {});

}  // namespace locus
