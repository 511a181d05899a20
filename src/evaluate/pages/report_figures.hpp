#pragma once

/// The figures of report.html: curves over the data set, and how the numbers are spread over its images.

#include <string>
#include <vector>

#include "evaluate/image_record.hpp"
#include "evaluate/summary.hpp"

namespace locus::evaluate {

/// A row as figures and tables call it.
std::string title_of(const RowName& name);

/// Box accuracy against threshold, precision against recall, insertion, deletion: those that the run has.
std::string curve_figures(const Summary& summary);

/// For overlap, insertion, deletion, drop and ROAD the share of images that have at least so much. Boxes were drawn at
/// this share of the map's maximum.
std::string distribution_figures(const std::vector<ImageRecord>& records, const Summary& summary, double threshold);

}  // namespace locus::evaluate
