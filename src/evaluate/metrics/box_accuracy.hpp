#pragma once

/// MaxBoxAcc and MaxBoxAccV2 (Choe et al., "Evaluating Weakly Supervised Object Localization Methods Right", CVPR
/// 2020): the share of images whose box is right, at the best of all thresholds.
///
///     evaluate::BoxHits hits = evaluate::box_hits(levels, 224, truths);          // one image
///     evaluate::BoxAccuracy accuracy(evaluate::thresholds(0.001));
///     accuracy.add(hits);                                                        // ... each image, in any order
///     accuracy.max_box_acc();                                                    // percent

#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <vector>

#include "localize/threshold_tree.hpp"
#include "locus/boxes.hpp"

namespace locus::evaluate {

/// The overlaps (IoU) at which MaxBoxAccV2 counts a box as right.
constexpr std::array<double, 3> box_overlaps{0.3, 0.5, 0.7};

/// A box by its inclusive corners, in pixels of the scored square.
struct Corners {
    int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// A box of an image of width x height scaled to a square; fractions are cut off.
Corners scaled(const Box& box, int image_width, int image_height, int side);

/// Where one image is right: a bit for each level t of its map, on which the pixels > t are boxed.
struct BoxHits {
    int maximum = 0;                      ///< of the map's levels
    std::bitset<256> largest;             ///< the largest contour's box has an IoU >= 0.5
    std::array<std::bitset<256>, 3> any;  ///< any contour's box has an IoU >= box_overlaps[d]

    bool operator==(const BoxHits&) const = default;
};

/// `levels` are [side, side], 0 ... 255; `truths` the image's true boxes. An image without true boxes is right nowhere.
BoxHits box_hits(std::span<const std::uint8_t> levels, int side, std::span<const Corners> truths);
/// The same for contours that are known already.
BoxHits box_hits(const localize::ThresholdTree& tree, int side, std::span<const Corners> truths);

/// The level at which a map with this maximum is cut for threshold t, a share of the maximum.
inline int level_of(double threshold, int maximum) { return static_cast<int>(threshold * maximum); }

/// Counts over images; the counts of two parts of a data set add up.
class BoxAccuracy {
public:
    explicit BoxAccuracy(std::vector<double> thresholds);

    void add(const BoxHits& hits, std::int64_t times = 1);

    std::int64_t images() const { return images_; }
    const std::vector<double>& thresholds() const { return thresholds_; }
    /// Right images at each threshold.
    const std::vector<std::int64_t>& right_by_largest() const { return largest_; }
    const std::vector<std::int64_t>& right_by_any(std::size_t overlap) const { return any_[overlap]; }

    /// Percent; 0 without images.
    double max_box_acc() const;
    double max_box_acc_v2() const;
    /// MaxBoxAccV2's part at box_overlaps[overlap].
    double max_box_acc_v2(std::size_t overlap) const;

private:
    double percent(std::int64_t right) const;

    std::vector<double> thresholds_;
    std::vector<std::int64_t> largest_;
    std::array<std::vector<std::int64_t>, 3> any_;
    std::int64_t images_ = 0;
};

}  // namespace locus::evaluate
