#pragma once

/// All that one map tells about one image by the localization metrics.
///
///     evaluate::ImageScores scores =
///         evaluate::score(evaluate::answer_of(map, region, truth, options), truth, options);

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"
#include "evaluate/metrics/metric.hpp"
#include "evaluate/metrics/score_map.hpp"
#include "evaluate/truth/mask.hpp"
#include "locus/boxes.hpp"

namespace locus::evaluate {

struct LocalizationOptions {
    std::vector<Metric> metrics;  ///< those that need no model are computed
    double step = 0.001;          ///< of the thresholds
    int side = 224;               ///< pixels of the square on which MaxBoxAcc, MaxBoxAccV2 and PxAP are computed
    double threshold = 0.2;       ///< of the paper's box, share of the maximum
    double tolerance = 0;         ///< of the pointing game, pixels
};

/// What is true of an image, made ready for scoring many maps.
struct ImageTruth {
    int width = 0, height = 0;  ///< pixels
    std::vector<Box> boxes;
    std::vector<Corners> scored_boxes;  ///< on the square
    std::vector<std::uint8_t> mask;     ///< on the square; empty: none
    bool mask_is_stretched = false;     ///< its sides are not in the image's proportion
};

ImageTruth make_truth(int width, int height, std::vector<Box> boxes, const Mask* mask,
                      const LocalizationOptions& options);

/// What a reader of the numbers should know of an image, as ends of sentences about it.
std::vector<std::string> remarks_on(const ImageTruth& truth);

/// The same of its map; `where` it is from, as "in 'maps'".
std::vector<std::string> remarks_on(const ImageScores& scores, const std::string& where);

/// An answer to "where": the map over the image, and the same as it is scored on the square.
struct Answer {
    Map map;
    Region region;  ///< of the image that the map covers
    ScoreMap scores;
    std::optional<Map> below_maximum = std::nullopt;  ///< the map for the pointing game, where it is not `map`
    bool is_finite = true;                            ///< else the map counts as zeros, without a box or a maximum
};

/// A map of the whole image.
Answer answer_of(const Map& map, const ImageTruth& truth, const LocalizationOptions& options);
/// A map of a region of the image; what the network did not see scores lowest.
Answer answer_of(const Map& map, const Region& region, const ImageTruth& truth, const LocalizationOptions& options);
/// A stored array [h, w] or [1, h, w] of any number type, in its own precision.
Answer answer_of(const Tensor& stored, const ImageTruth& truth, const LocalizationOptions& options);

/// How many pixels of the object, and of what is not, have scores in each bin of PxAP.
std::vector<PixelBin> pixel_bins(const ScoreMap& scores, const ImageTruth& truth, const LocalizationOptions& options);

/// Values by the metrics that the truth allows, and the box's overlap as "iou".
ImageScores score(const Answer& answer, const ImageTruth& truth, const LocalizationOptions& options);

}  // namespace locus::evaluate
