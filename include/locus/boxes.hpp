#pragma once

/// From maps to boxes.
///
///     locus::Map full = locus::upsample(raw, image.width, image.height);
///     for (const locus::Box& box : locus::boxes(full, {.threshold = 0.2})) ...
///
/// The rule of Zhou et al. 2016: pixels above 20 % of the map's maximum, the box round the largest connected piece.

#include <vector>

#include "locus/map.hpp"
#include "locus/preprocessing.hpp"

namespace locus {

/// A rectangle in pixels of the original image: it covers the columns x ... x + width - 1 and the rows y ... y + height - 1.
struct Box {
    int x = 0, y = 0, width = 0, height = 0;
    double score = 0;  ///< mean of the map in the component over the map's maximum, 0..1

    bool operator==(const Box&) const = default;
};

enum class Components { largest, all };

struct BoxOptions {
    double threshold = 0.2;  ///< share of the map's maximum, 0 <= threshold < 1; pixels strictly above it are in
    Components components = Components::largest;
};

/// The map bilinearly resized with half-pixel centres (edge positions extend outwards), the one way in which Locus turns a
/// raw map into pixels.
Map upsample(const Map& raw, int width, int height);

/// The same for a network that saw only `region` of a photo of width x height: pixels outside take the map's minimum or 0,
/// whichever is less, so that no box reaches there.
Map upsample(const Map& raw, int width, int height, const Region& region);

/// Boxes of a map at image resolution, the largest component (8-connected, by pixels; the first in reading order where equal) first. Empty
/// where the map has no positive value. Throws Error(usage) for a threshold outside [0, 1).
std::vector<Box> boxes(const Map& map, const BoxOptions& options = {});

/// Intersection over union, pixels counted inclusively.
double iou(const Box& a, const Box& b);

}  // namespace locus
