#include "evaluate/metrics/map_scores.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "evaluate/metrics/localization.hpp"
#include "evaluate/metrics/thresholds.hpp"
#include "evaluate/truth/truth.hpp"

namespace locus::evaluate {
namespace {

bool wants_square(const LocalizationOptions& options) {
    return has_metric(options.metrics, "maxboxacc") || has_metric(options.metrics, "maxboxaccv2") ||
           has_metric(options.metrics, "pxap");
}

Region whole(const ImageTruth& truth) {
    return {0, 0, static_cast<double>(truth.width), static_cast<double>(truth.height)};
}

ScoreMap zeros(int side) {
    return {side, std::vector<double>(static_cast<std::size_t>(side) * static_cast<std::size_t>(side))};
}

/// Whether one of the mask's sides, made by the other's scale, is right but for a pixel of rounding.
bool is_in_proportion(const Mask& mask, int width, int height) {
    const double across = static_cast<double>(mask.width) / width, down = static_cast<double>(mask.height) / height;
    return std::abs(mask.height - height * across) <= 1 || std::abs(mask.width - width * down) <= 1;
}

}  // namespace

ImageTruth make_truth(int width, int height, std::vector<Box> boxes, const Mask* mask,
                      const LocalizationOptions& options) {
    ImageTruth truth{width, height, std::move(boxes), {}, {}};
    for (const Box& box : truth.boxes) truth.scored_boxes.push_back(scaled(box, width, height, options.side));
    if (mask != nullptr) {
        truth.mask = resized(*mask, options.side, options.side);
        truth.mask_is_stretched = !is_in_proportion(*mask, width, height);
    }
    return truth;
}

std::vector<std::string> remarks_on(const ImageTruth& truth) {
    std::vector<std::string> remarks;
    if (truth.mask.empty() && truth.boxes.empty()) remarks.emplace_back("has neither box nor mask");
    if (!truth.mask.empty() && std::ranges::find(truth.mask, mask_object) == truth.mask.end())
        remarks.emplace_back("has a mask without a pixel of an object (1)");
    if (truth.mask_is_stretched)
        remarks.emplace_back("has a mask whose sides are in another proportion than its own: it is stretched over it");
    const auto is_beyond = [&](const Box& box) { return reaches_beyond(box, truth.width, truth.height); };
    if (std::ranges::any_of(truth.boxes, is_beyond)) {
        remarks.emplace_back(
            "has a box that reaches beyond it by more than a pixel: are columns swapped, or is the box of another size "
            "of the image?");
    }
    return remarks;
}

std::vector<std::string> remarks_on(const ImageScores& scores, const std::string& where) {
    if (scores.map_is_finite) return {};
    return {fmt::format("has a map {} with a NaN or an infinity, which counts as zeros: a miss", where)};
}

Answer answer_of(const Map& map, const ImageTruth& truth, const LocalizationOptions& options) {
    return answer_of(map, whole(truth), truth, options);
}

Answer answer_of(const Map& map, const Region& region, const ImageTruth& truth, const LocalizationOptions& options) {
    const Region all = whole(truth);
    const bool is_whole =
        region.x == all.x && region.y == all.y && region.width == all.width && region.height == all.height;
    Answer answer{.map = map, .region = region, .scores = {}, .below_maximum = {}, .is_finite = is_finite(map)};
    if (!wants_square(options)) return answer;
    if (!answer.is_finite) {
        answer.scores = zeros(options.side);
    } else {
        answer.scores = score_map(is_whole ? map : upsample(map, truth.width, truth.height, region), options.side);
    }
    return answer;
}

Answer answer_of(const Tensor& stored, const ImageTruth& truth, const LocalizationOptions& options) {
    Answer answer{.map = map_for_boxes(stored),
                  .region = whole(truth),
                  .scores = {},
                  .below_maximum = {},
                  .is_finite = is_finite(stored)};
    if (answer.is_finite && has_metric(options.metrics, "pointing")) answer.below_maximum = below_maximum(stored);
    if (wants_square(options)) answer.scores = answer.is_finite ? score_map(stored, options.side) : zeros(options.side);
    return answer;
}

std::vector<PixelBin> pixel_bins(const ScoreMap& scores, const ImageTruth& truth, const LocalizationOptions& options) {
    PixelPrecision pixels(thresholds(options.step));
    pixels.add(scores.values, truth.mask);
    return pixels.bins();
}

ImageScores score(const Answer& answer, const ImageTruth& truth, const LocalizationOptions& options) {
    ImageScores scores;
    scores.map_is_finite = answer.is_finite;
    if (!truth.boxes.empty()) {
        const double overlap = answer.is_finite ? map_iou(answer.map, truth.width, truth.height, answer.region,
                                                          truth.boxes, options.threshold)
                                                : 0.0;
        scores.values["iou"] = overlap;
        if (has_metric(options.metrics, "gt-known")) scores.values["gt-known"] = overlap >= 0.5 ? 1 : 0;
        if (has_metric(options.metrics, "pointing")) {
            std::optional<Point> point;
            if (answer.is_finite) {
                const Map& map = answer.below_maximum ? *answer.below_maximum : answer.map;
                point = maximum_point(map, truth.width, truth.height, answer.region);
            }
            scores.values["pointing"] = point && points_at(*point, truth.boxes, options.tolerance) ? 1 : 0;
        }
        if (has_metric(options.metrics, "maxboxacc") || has_metric(options.metrics, "maxboxaccv2")) {
            scores.hits = box_hits(to_levels(answer.scores), options.side, truth.scored_boxes);
        }
    }
    if (!truth.mask.empty() && has_metric(options.metrics, "pxap"))
        scores.pixels = pixel_bins(answer.scores, truth, options);
    return scores;
}

}  // namespace locus::evaluate
