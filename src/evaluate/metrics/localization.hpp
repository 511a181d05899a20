#pragma once

/// One map against one image's true boxes, by a fixed rule: the paper's box, and the pointing game.

#include <optional>
#include <span>

#include "locus/boxes.hpp"

namespace locus::evaluate {

struct Point {
    int x = 0, y = 0;
};

/// The greatest overlap (IoU, pixels counted inclusively) of a box with any of the true ones; 0 where there is none.
double best_iou(const Box& box, std::span<const Box> truths);

/// Overlap of the map's box by the rule of Zhou et al. 2016 (boxes.hpp) in an image of width x height; 0 where the map
/// has no box.
double map_iou(const Map& map, int width, int height, const Region& region, std::span<const Box> truths,
               double threshold = 0.2);

/// Where the map is greatest in an image of width x height. Of several such pixels the one nearest to their centre (the
/// first in reading order where equal): bilinear maps are flat beyond the outermost positions. Empty where no value is
/// finite.
std::optional<Point> maximum_point(const Map& map, int width, int height, const Region& region);

/// The pointing game (Zhang et al. 2016): whether the point lies in a true box or at most `tolerance` pixels from one
/// (15 there).
bool points_at(const Point& point, std::span<const Box> truths, double tolerance = 0);

}  // namespace locus::evaluate
