#include "evaluate/metrics/map_scores.hpp"

#include <algorithm>

#include "evaluate/metrics/localization.hpp"
#include "evaluate/metrics/thresholds.hpp"

namespace locus::evaluate {
namespace {

bool wants(const LocalizationOptions& options, std::string_view name) {
    return std::any_of(options.metrics.begin(), options.metrics.end(), [&](const Metric& m) { return m.name == name; });
}

bool wants_square(const LocalizationOptions& options) {
    return wants(options, "maxboxacc") || wants(options, "maxboxaccv2") || wants(options, "pxap");
}

Region whole(const ImageTruth& truth) {
    return {0, 0, static_cast<double>(truth.width), static_cast<double>(truth.height)};
}

}  // namespace

ImageTruth make_truth(int width, int height, std::vector<Box> boxes, const Mask* mask,
                      const LocalizationOptions& options) {
    ImageTruth truth{width, height, std::move(boxes), {}, {}};
    for (const Box& box : truth.boxes) truth.scored_boxes.push_back(scaled(box, width, height, options.side));
    if (mask != nullptr) truth.mask = resized(*mask, options.side, options.side);
    return truth;
}

std::string remark_on(const ImageTruth& truth) {
    if (truth.mask.empty()) return truth.boxes.empty() ? "has neither box nor mask" : "";
    const bool has_object = std::ranges::find(truth.mask, mask_object) != truth.mask.end();
    return has_object ? "" : "has a mask without a pixel of an object (1)";
}

Answer answer_of(const Map& map, const ImageTruth& truth, const LocalizationOptions& options) {
    return {map, whole(truth), wants_square(options) ? score_map(map, options.side) : ScoreMap{}};
}

Answer answer_of(const Map& map, const Region& region, const ImageTruth& truth, const LocalizationOptions& options) {
    const Region all = whole(truth);
    if (region.x == all.x && region.y == all.y && region.width == all.width && region.height == all.height) {
        return answer_of(map, truth, options);
    }
    Answer answer{map, region, {}};
    if (wants_square(options))
        answer.scores = score_map(upsample(map, truth.width, truth.height, region), options.side);
    return answer;
}

Answer answer_of(const Tensor& stored, const ImageTruth& truth, const LocalizationOptions& options) {
    return {map_of(stored), whole(truth), wants_square(options) ? score_map(stored, options.side) : ScoreMap{}};
}

std::vector<PixelBin> pixel_bins(const ScoreMap& scores, const ImageTruth& truth, const LocalizationOptions& options) {
    PixelPrecision pixels(thresholds(options.step));
    pixels.add(scores.values, truth.mask);
    return pixels.bins();
}

ImageScores score(const Answer& answer, const ImageTruth& truth, const LocalizationOptions& options) {
    ImageScores scores;
    if (!truth.boxes.empty()) {
        const double overlap =
            map_iou(answer.map, truth.width, truth.height, answer.region, truth.boxes, options.threshold);
        scores.values["iou"] = overlap;
        if (wants(options, "gt-known")) scores.values["gt-known"] = overlap >= 0.5 ? 1 : 0;
        if (wants(options, "pointing")) {
            const auto point = maximum_point(answer.map, truth.width, truth.height, answer.region);
            scores.values["pointing"] = point && points_at(*point, truth.boxes, options.tolerance) ? 1 : 0;
        }
        if (wants(options, "maxboxacc") || wants(options, "maxboxaccv2")) {
            scores.hits = box_hits(to_levels(answer.scores), options.side, truth.scored_boxes);
        }
    }
    if (!truth.mask.empty() && wants(options, "pxap")) scores.pixels = pixel_bins(answer.scores, truth, options);
    return scores;
}

}  // namespace locus::evaluate
