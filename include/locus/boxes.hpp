#pragma once

/// From maps to boxes.
///
///     locus::Map full = locus::upsample(e.evidence(), image.width, image.height, e.region);   // e: an Explanation
///     for (const locus::Box& box : locus::boxes(full, {.threshold = 0.2})) ...
///
/// The rule of Zhou et al. 2016: pixels above 20 % of the map's maximum, the box round the largest connected piece.
///
/// Values that are not finite (NaN, either infinity) are never in a component and do not count for the maximum: a
/// broken map costs its own boxes and nothing else.

#include <cstdint>
#include <vector>

#include "locus/map.hpp"
#include "locus/preprocessing.hpp"

namespace locus {

/// Pixels that a side of a picture may have, and a picture: what is larger is refused at once, with Error(resource),
/// wherever a map is resized to it, boxed or drawn.
inline constexpr int most_side = 65'535;
inline constexpr std::int64_t most_pixels = 500'000'000;

/// A rectangle in pixels of the original image: it covers the columns x ... x + width - 1 and the rows y ... y + height
/// - 1.
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

/// The map bilinearly resized with half-pixel centres (edge positions extend outwards), the one way in which Locus
/// turns a raw map into pixels: pixel x of `width` lies at (x + 0.5) * raw.width / width - 0.5 of the raw map's
/// positions. The arithmetic, to the bit, is in src/localize/row_interpolator.hpp. Throws Error(usage) for an empty map
/// or size, or a map with another number of values than its size says, Error(resource) for a size beyond most_side or
/// most_pixels and where memory does not suffice.
Map upsample(const Map& raw, int width, int height);

/// The same for a network that saw only `region` of a photo of width x height: pixels outside take the map's minimum or
/// 0, whichever is less, so that no box reaches there. Throws Error(usage) as well for a region without area or with a number that
/// is not finite.
Map upsample(const Map& raw, int width, int height, const Region& region);

/// Boxes of a map at image resolution, the largest component (8-connected, by pixels; the first in reading order where
/// equal) first. Empty where the map has no positive value. Throws Error(usage) for a threshold outside [0, 1), and for
/// a map with another number of values than its size says, Error(resource) for one beyond most_side or most_pixels.
std::vector<Box> boxes(const Map& map, const BoxOptions& options = {});

/// boxes(upsample(raw, width, height, region), options), bit for bit, without the big map in between. Throws as both.
std::vector<Box> boxes_from_raw(const Map& raw, int width, int height, const Region& region,
                                const BoxOptions& options = {});
std::vector<Box> boxes_from_raw(const Map& raw, int width, int height, const BoxOptions& options = {});

/// Intersection over union, pixels counted inclusively.
double iou(const Box& a, const Box& b);

}  // namespace locus
