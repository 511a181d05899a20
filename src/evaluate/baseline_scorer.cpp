#include "evaluate/baseline_scorer.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "evaluate/baseline.hpp"
#include "evaluate/metrics/localization.hpp"
#include "evaluate/random.hpp"
#include "localize/threshold_tree.hpp"

namespace locus::evaluate {
namespace {

/// What a map says in images of one size.
struct InImage {
    std::optional<Box> box;
    std::optional<Point> maximum;
};

/// A map of a baseline, looked at when it is first needed.
struct OneMap {
    std::once_flag looked_at;
    localize::ThresholdTree tree;
    ScoreMap scores;  ///< kept where masks are scored
};

std::size_t number_of_random_maps(int side) {
    constexpr std::size_t memory = std::size_t{64} << 20;
    const std::size_t one = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * sizeof(double);
    return std::clamp<std::size_t>(memory / one, 1, 100);
}

}  // namespace

struct BaselineScorer::State {
    LocalizationOptions options;
    std::uint64_t seed = 0;
    bool gt_known = false, points = false, contours = false, masks = false;
    mutable std::vector<std::vector<OneMap>> maps;  ///< by baseline; several of the random one

    mutable std::mutex mutex;
    /// Baseline, map, width, height.
    mutable std::map<std::tuple<std::size_t, std::size_t, int, int>, InImage> in_images;

    std::uint64_t seed_of_map(std::size_t which) const { return seed_of(seed, which); }

    const OneMap& looked_at(std::size_t baseline, std::size_t which) const {
        OneMap& map = maps[baseline][which];
        std::call_once(map.looked_at, [&] {
            ScoreMap scores = baseline_scores(baselines()[baseline], options.side, seed_of_map(which));
            if (contours) map.tree = localize::threshold_tree(to_levels(scores), options.side, options.side);
            if (masks) map.scores = std::move(scores);
        });
        return map;
    }

    InImage in_image(std::size_t baseline, std::size_t which, int width, int height) const {
        const std::tuple key{baseline, which, width, height};
        {
            const std::lock_guard lock(mutex);
            if (const auto found = in_images.find(key); found != in_images.end()) return found->second;
        }
        const Map map = baseline_map(baselines()[baseline], width, height, seed_of_map(which));
        const Region all{0, 0, static_cast<double>(width), static_cast<double>(height)};
        InImage found;
        const std::vector<Box> boxes = boxes_from_raw(map, width, height, all, {.threshold = options.threshold});
        if (!boxes.empty()) found.box = boxes.front();
        if (points) found.maximum = maximum_point(map, width, height, all);
        constexpr std::size_t limit = 10000;  // data sets of photographs of all sizes
        const std::lock_guard lock(mutex);
        if (in_images.size() < limit) in_images.emplace(key, found);
        return found;
    }
};

BaselineScorer::BaselineScorer(LocalizationOptions options, std::uint64_t seed) : state_(std::make_unique<State>()) {
    State& s = *state_;
    const auto wants = [&](const char* name) { return has_metric(options.metrics, name); };
    s.gt_known = wants("gt-known");
    s.points = wants("pointing");
    s.contours = wants("maxboxacc") || wants("maxboxaccv2");
    s.masks = wants("pxap");
    for (const Baseline baseline : baselines()) {
        s.maps.emplace_back(baseline == Baseline::random ? number_of_random_maps(options.side) : 1);
    }
    s.options = std::move(options);
    s.seed = seed;
}

BaselineScorer::~BaselineScorer() = default;
BaselineScorer::BaselineScorer(BaselineScorer&&) noexcept = default;

std::vector<ImageScores> BaselineScorer::score(const ImageTruth& truth, std::size_t image) const {
    const State& s = *state_;
    std::vector<ImageScores> rows;
    for (std::size_t b = 0; b < s.maps.size(); ++b) {
        ImageScores& scores = rows.emplace_back();
        const std::size_t which = Random(seed_of(s.seed, image)).below(static_cast<std::uint32_t>(s.maps[b].size()));
        if (!truth.boxes.empty()) {
            const InImage found = s.in_image(b, which, truth.width, truth.height);
            const double overlap = found.box ? best_iou(*found.box, truth.boxes) : 0.0;
            scores.values["iou"] = overlap;
            if (s.gt_known) scores.values["gt-known"] = overlap >= 0.5 ? 1 : 0;
            if (s.points) {
                scores.values["pointing"] =
                    found.maximum && points_at(*found.maximum, truth.boxes, s.options.tolerance) ? 1 : 0;
            }
        }
        if (!truth.boxes.empty() && s.contours)
            scores.hits = box_hits(s.looked_at(b, which).tree, s.options.side, truth.scored_boxes);
        if (!truth.mask.empty() && s.masks) scores.pixels = pixel_bins(s.looked_at(b, which).scores, truth, s.options);
    }
    return rows;
}

}  // namespace locus::evaluate
