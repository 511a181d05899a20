#pragma once

/// The files of one explained input: maps, overlays, heat maps, masks, decompositions.

#include <vector>

#include "batch/item_source.hpp"
#include "batch/run.hpp"
#include "report/results.hpp"

namespace locus::batch {

/// Writes below options.out what options.save asks for, each file whole, and returns the record that names them. Throws
/// Error(io).
report::ImageRecord write_item_files(const RunOptions& options, const InputItem& item, Source source,
                                     std::vector<Explanation> explanations, const Explainer& explainer);

}  // namespace locus::batch
