#pragma once

/// What makes a run this run and no other: the record that heads results.json, and all that results depend on, by which
/// a resumed run is known to be the same.

#include <string>
#include <vector>

#include "batch/run.hpp"
#include "report/run_journal.hpp"

namespace locus::batch {

/// What results.json says of the run; `sha256` is the model's. Of how photos are normalised nothing is said where none
/// is: arrays are preprocessed already.
report::RunRecord run_record(const RunOptions& options, const Explainer& explainer, const std::string& sha256,
                             bool takes_photos);

/// Everything that the results depend on, by the names that users know.
report::RunPlan run_plan(const RunOptions& options, const std::vector<InputItem>& inputs,
                         const report::RunRecord& record, const Explainer& explainer);

}  // namespace locus::batch
