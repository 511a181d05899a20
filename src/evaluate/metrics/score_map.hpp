#pragma once

/// A map as the field scores it (clovaai/wsolevaluation, CVPR 2020).
///
///     evaluate::ScoreMap scores = evaluate::score_map(explanation.map, 224);
///     std::vector<std::uint8_t> levels = evaluate::to_levels(scores);

#include <cstdint>
#include <optional>
#include <vector>

#include "locus/map.hpp"
#include "locus/tensor.hpp"

namespace locus::evaluate {

/// Scores of the pixels of a square image, 0 ... 1.
struct ScoreMap {
    int side = 0;
    std::vector<double> values;  ///< [side, side]
};

/// The map in double precision, resized to side x side with bicubic interpolation (OpenCV's INTER_CUBIC), less its
/// minimum, over its maximum. A constant map, and one with a NaN or an infinity in it, becomes zeros. Throws
/// Error(usage) for a map without positions.
ScoreMap score_map(const Map& map, int side);

/// The same for an array [h, w], [1, h, w] or [1, 1, h, w] of any number type, as other tools write it. Throws
/// Error(usage) for other shapes.
ScoreMap score_map(const Tensor& map, int side);

/// Whether there is neither a NaN nor an infinity in it.
bool is_finite(const Map& map);
bool is_finite(const Tensor& stored);

/// The stored array as a map for boxes: float32, brought near 1 where its numbers or their differences are beyond what
/// float32 holds. Throws Error(usage) for other shapes than those above.
Map map_for_boxes(const Tensor& stored);

/// The same less its maximum, subtracted in double precision, so that float32 tells apart what is near it; none where
/// float32 holds the numbers as they are.
std::optional<Map> below_maximum(const Tensor& stored);

/// Values times 255, fraction cut off: what is thresholded.
std::vector<std::uint8_t> to_levels(const ScoreMap& scores);

}  // namespace locus::evaluate
