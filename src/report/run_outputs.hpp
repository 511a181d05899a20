#pragma once

/// The outputs of a run all together, put together from its journal: results.json, and as the plan says boxes.csv,
/// boxes.coco.json and report.html.

#include <filesystem>

#include "report/results.hpp"
#include "report/run_journal.hpp"
#include "report/run_plan.hpp"

namespace locus::report {

/// Writes them into `out`, in the order of the inputs, each whole or not at all. `unfinished`: the run was stopped, and
/// results.json and the page say so. Throws Error(io), also where a file that a finished run names is gone.
void write_outputs(const std::filesystem::path& out, const RunPlan& plan, const RunJournal& journal,
                   const RunRecord& run, bool unfinished);

}  // namespace locus::report
