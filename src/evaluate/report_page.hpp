#pragma once

/// report.html of `locus evaluate`: one file that opens offline.

#include <string>
#include <vector>

#include "evaluate/results.hpp"

namespace locus::evaluate {

/// Tables with intervals, the curves, the distribution of overlaps, the paired tests, classes, the best and worst images, what failed. Names are
/// escaped.
std::string metrics_page(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary);

}  // namespace locus::evaluate
