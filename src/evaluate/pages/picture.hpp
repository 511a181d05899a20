#pragma once

/// Small pictures of maps for reports.

#include <vector>

#include "evaluate/image_record.hpp"
#include "locus/boxes.hpp"
#include "locus/image.hpp"
#include "locus/map.hpp"

namespace locus::evaluate {

/// A final map (0 ... 1) made small.
Preview preview_of(const Map& shown);
Map map_of(const Preview& preview);

/// The photo, at most 176 pixels on its longer side (smaller ones enlarged to it), under the heat of the map of
/// `region`, with the map's box in white and the true boxes in green; region and boxes are in pixels of a photo of
/// width x height. An empty photo: the heat alone.
Image picture_of(const Image& photo, const Map& map, const Region& region, const std::vector<Box>& truths, int width,
                 int height, double threshold);

}  // namespace locus::evaluate
