#pragma once

/// All thresholds at once: the boxes of every contour of a map at each of its 256 levels, without looking at any level
/// twice.
///
///     localize::ThresholdTree tree = localize::threshold_tree(pixels, 224, 224);
///     for (const localize::ContourBox& box : tree.contours) {
///         ... box bounds one contour of the pixels > t, for each t in box.lowest ... box.highest ...
///     }
///     const localize::ContourBox& largest = tree.contours[tree.largest[t]];
///
/// What is computed is what OpenCV's findContours (RETR_TREE) finds in the pixels > t: an outer contour round each
/// 8-connected component, and a contour round each hole (a 4-connected component of the rest that does not reach the
/// map's edge), which runs through the pixels that surround the hole. `largest` is the first in OpenCV's list of those
/// with the largest contourArea; that is always an outer contour (a hole's polygon lies inside its component's, which
/// is listed before it), and of equal ones the component whose first pixel in reading order comes last, because OpenCV
/// lists siblings from the last found to the first.
///
/// How: as the level sinks, components are born at peaks and merge at saddles. Neighbours of a pixel matter only where
/// no other path joins them at the same level, which leaves, for each row, its peaks and valleys, one link to the next
/// row for each peak of the minimum of the two rows, and diagonal links at saddles. Those links, sorted by level, are
/// merged with union-find. A component's rows are those of its peaks along rows, its columns those of its peaks along
/// columns. Holes are the same on the inverted map with 4-connectivity. Areas are traced only where two components may
/// both be the largest.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace locus::localize {

/// Bounds of one contour, in pixels, inclusive, for a range of levels.
struct ContourBox {
    int left = 0, top = 0, right = 0, bottom = 0;
    int lowest = 0, highest = 0;  ///< the pixels > t have this contour box for lowest <= t <= highest
    bool hole = false;

    bool operator==(const ContourBox&) const = default;
};

struct ThresholdTree {
    /// Each contour of each level is in exactly one; two contours may have equal boxes.
    std::vector<ContourBox> contours;
    /// For each level t, the index in `contours` of the largest; -1 where no pixel is > t.
    std::array<int, 256> largest;
    int maximum = 0;  ///< of the map
};

/// `pixels` are [height, width]. Throws Error(usage) where their number does not fit or a side is not in 1 ... 32767.
ThresholdTree threshold_tree(std::span<const std::uint8_t> pixels, int width, int height);

}  // namespace locus::localize
