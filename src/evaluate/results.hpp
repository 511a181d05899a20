#pragma once

/// What `locus evaluate` writes: metrics.json (docs/metrics.md), metrics.csv, and the table for a terminal.

#include <string>
#include <vector>

#include "evaluate/image_record.hpp"
#include "evaluate/metrics/map_scores.hpp"
#include "evaluate/summary.hpp"

namespace locus::evaluate {

/// What the numbers are numbers of.
struct RunDescription {
    std::string version;  ///< of Locus
    std::string data;     ///< images, boxes, masks and maps as given
    LocalizationOptions localization;
    SummaryOptions summary;
    int steps = 50;                    ///< of insertion and deletion
    std::vector<std::string> remarks;  ///< sentences
};

/// One JSON document, ends with a line's end. Percentages are 0 to 100; numbers are written so that they are read back
/// to the bit.
std::string metrics_json(const RunDescription& run, const std::vector<ImageRecord>& records, const Summary& summary);

/// One line for each row and metric: model,method,baseline,metric,better,value,low,high,images
std::string metrics_csv(const RunDescription& run, const Summary& summary);

/// Rows and columns with an arrow for the better way, and 95 % intervals.
std::string metrics_table(const RunDescription& run, const Summary& summary);

}  // namespace locus::evaluate
