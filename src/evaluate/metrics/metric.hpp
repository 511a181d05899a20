#pragma once

/// The metrics by name, and for each what it needs and which way is better. Definitions: docs/metrics.md.

#include <string>
#include <string_view>
#include <vector>

namespace locus::evaluate {

/// How the images' values become the data set's.
enum class Pooling {
    mean,         ///< mean over the images
    percent,      ///< mean over the images, times 100
    box_hits,     ///< best threshold over the whole set
    pixel_counts  ///< counts pooled over the whole set
};

struct Metric {
    std::string name;     ///< as --metrics takes it
    std::string title;    ///< as tables head it, with its unit
    std::string meaning;  ///< one line for help texts
    bool higher_is_better = true;
    Pooling pooling = Pooling::percent;
    bool needs_boxes = false;
    bool needs_masks = false;
    bool needs_model = false;  ///< cannot be told from maps alone
    bool needs_labels = false;
};

/// All metrics, in the order of tables.
const std::vector<Metric>& metrics();

/// Whether one of the metrics has this name.
bool has_metric(const std::vector<Metric>& metrics, std::string_view name);

/// Throws Error(usage) with the nearest names.
const Metric& find_metric(const std::string& name);

}  // namespace locus::evaluate
