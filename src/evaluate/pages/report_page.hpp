#pragma once

/// report.html of `locus evaluate`: one file that opens offline.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/results.hpp"
#include "locus/image.hpp"

namespace locus::evaluate {

/// An image with its map and boxes under one row, at most some 200 pixels; nullopt where it cannot be shown.
using PictureOf = std::function<std::optional<Image>(const ImageRecord& record, std::size_t row)>;

/// Tables with intervals, the curves, the distribution of overlaps, the paired tests, classes, the best and worst
/// images, what failed. Names are escaped.
std::string metrics_page(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary,
                         const PictureOf& picture = {});

}  // namespace locus::evaluate
