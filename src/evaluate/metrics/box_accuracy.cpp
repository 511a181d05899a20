#include "evaluate/metrics/box_accuracy.hpp"

#include <algorithm>

namespace locus::evaluate {
namespace {

/// Intersection over union with inclusive corners.
double overlap_of(const Corners& a, const Corners& b) {
    const auto side = [](int p0, int p1, int q0, int q1) {
        return std::max<std::int64_t>(0, std::int64_t{std::min(p1, q1)} - std::max(p0, q0) + 1);
    };
    const auto area = [](const Corners& c) {
        return (std::int64_t{c.x1} - c.x0 + 1) * (std::int64_t{c.y1} - c.y0 + 1);
    };
    const std::int64_t common = side(a.x0, a.x1, b.x0, b.x1) * side(a.y0, a.y1, b.y0, b.y1);
    const std::int64_t united = area(a) + area(b) - common;
    return united > 0 ? static_cast<double>(common) / static_cast<double>(united) : 0.0;
}

double best_overlap(const Corners& box, std::span<const Corners> truths) {
    double best = 0;
    for (const Corners& truth : truths) best = std::max(best, overlap_of(box, truth));
    return best;
}

/// The reference's box of a contour reaches one pixel beyond it, but not beyond the square.
Corners as_scored(const localize::ContourBox& contour, int side) {
    return {contour.left, contour.top, std::min(contour.right + 1, side - 1), std::min(contour.bottom + 1, side - 1)};
}

}  // namespace

Corners scaled(const Box& box, int image_width, int image_height, int side) {
    const auto cut = [side](int position, int size) {
        return static_cast<int>(static_cast<double>(position) * side / size);
    };
    return {cut(box.x, image_width), cut(box.y, image_height), cut(box.x + box.width - 1, image_width),
            cut(box.y + box.height - 1, image_height)};
}

BoxHits box_hits(std::span<const std::uint8_t> levels, int side, std::span<const Corners> truths) {
    return box_hits(localize::threshold_tree(levels, side, side), side, truths);
}

BoxHits box_hits(const localize::ThresholdTree& tree, int side, std::span<const Corners> truths) {
    BoxHits hits;
    hits.maximum = tree.maximum;
    if (truths.empty()) return hits;
    if (tree.maximum == 0) {  // no contour: the reference scores the one pixel at the top left
        const double overlap = best_overlap({0, 0, 0, 0}, truths);
        hits.largest[0] = overlap >= 0.5;
        for (std::size_t d = 0; d < box_overlaps.size(); ++d) hits.any[d][0] = overlap >= box_overlaps[d];
        return hits;
    }
    std::vector<double> overlaps(tree.contours.size());
    std::array<double, 256> best{};
    for (std::size_t i = 0; i < tree.contours.size(); ++i) {
        const localize::ContourBox& contour = tree.contours[i];
        overlaps[i] = best_overlap(as_scored(contour, side), truths);
        for (int t = contour.lowest; t <= contour.highest; ++t) {
            double& at_level = best[static_cast<std::size_t>(t)];
            at_level = std::max(at_level, overlaps[i]);
        }
    }
    for (std::size_t t = 0; t < 256; ++t) {
        if (tree.largest[t] >= 0) hits.largest[t] = overlaps[static_cast<std::size_t>(tree.largest[t])] >= 0.5;
        for (std::size_t d = 0; d < box_overlaps.size(); ++d) hits.any[d][t] = best[t] >= box_overlaps[d];
    }
    return hits;
}

BoxAccuracy::BoxAccuracy(std::vector<double> thresholds)
    : thresholds_(std::move(thresholds)), largest_(thresholds_.size()) {
    any_.fill(largest_);
}

void BoxAccuracy::add(const BoxHits& hits, std::int64_t times) {
    images_ += times;
    for (std::size_t i = 0; i < thresholds_.size(); ++i) {
        const auto level = static_cast<std::size_t>(level_of(thresholds_[i], hits.maximum));
        largest_[i] += hits.largest[level] ? times : 0;
        for (std::size_t d = 0; d < any_.size(); ++d) any_[d][i] += hits.any[d][level] ? times : 0;
    }
}

double BoxAccuracy::percent(std::int64_t right) const {
    return images_ == 0 ? 0.0 : static_cast<double>(right) * 100.0 / static_cast<double>(images_);
}

double BoxAccuracy::max_box_acc() const { return percent(*std::max_element(largest_.begin(), largest_.end())); }

double BoxAccuracy::max_box_acc_v2(std::size_t overlap) const {
    return percent(*std::max_element(any_[overlap].begin(), any_[overlap].end()));
}

double BoxAccuracy::max_box_acc_v2() const { return (max_box_acc_v2(0) + max_box_acc_v2(1) + max_box_acc_v2(2)) / 3; }

}  // namespace locus::evaluate
