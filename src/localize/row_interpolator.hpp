#pragma once

/// One row at a time of a raw map at image resolution: the whole upsampled map need not exist.
///
///     localize::RowInterpolator rows(raw, photo.width, photo.height);
///     std::vector<float> row(photo.width);
///     for (int y = 0; y < photo.height; ++y) {
///         rows.row(y, row);              // evidence at the pixels of this row
///     }
///
/// The arithmetic is fixed so that others (the report's script) can repeat it to the bit. With n positions stretched
/// over size pixels beginning at `origin` (0 and the image's size, or the region's), pixel i lies at
///
///     u = ((i + 0.5) - origin) / size * n - 0.5    in double, then clamped to 0 ... n - 1,
///     left = floor(u), right = min(left + 1, n - 1), f = float(u - left)
///
/// and first each raw row is stretched, then neighbouring rows are mixed, both as a + (b - a) * f in float32 with every
/// operation rounded. A pixel belongs to the region where its centre does: origin <= i + 0.5 < origin + size.

#include <span>
#include <vector>

#include "locus/map.hpp"
#include "locus/preprocessing.hpp"

namespace locus::localize {

/// Where each pixel of one axis lies among the positions of a raw map.
struct AxisPositions {
    int first = 0, last = 0;  ///< pixels first ... last - 1 belong to the region
    std::vector<int> left;    ///< one entry for each pixel of the region
    std::vector<int> right;
    std::vector<float> fraction;  ///< 0 at left, 1 at right
};

AxisPositions axis_positions(int positions, int pixels, double origin, double size);

/// Const members may be called from several threads at once. Holds raw.height * width floats.
class RowInterpolator {
public:
    /// Throws Error(usage) for an empty map, image or region, Error(resource) where memory does not suffice.
    RowInterpolator(const Map& raw, int width, int height);
    RowInterpolator(const Map& raw, int width, int height, const Region& region);

    int width() const { return width_; }
    int height() const { return height_; }

    /// Row y, 0 <= y < height, into `out` of `width` values.
    void row(int y, std::span<float> out) const;

    /// The rows among which the whole map's least and greatest finite values are found. Between two rows of the raw map
    /// a column rises or falls all the way, so they are the first and the last pixel row there, and one that the
    /// network did not see.
    std::vector<int> extreme_rows() const;

private:
    int width_, height_;
    AxisPositions columns_, rows_;
    float outside_;                 ///< value of pixels that the network did not see
    std::vector<float> stretched_;  ///< [raw.height, columns_.last - columns_.first]
};

}  // namespace locus::localize
