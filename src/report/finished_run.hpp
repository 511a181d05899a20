#pragma once

/// What a finished run left in its folder: OUT/.locus/run.json, its settings and which inputs failed, and its outputs.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "report/run_plan.hpp"

namespace locus::report {

struct FailedInputs {
    std::size_t count = 0;
    std::vector<std::size_t> which;  ///< in order; empty in files of earlier versions
};

/// Writes run.json. Throws Error(io).
void note_finished(const std::filesystem::path& out, const RunPlan& plan, const FailedInputs& failed);

/// From the second line of run.json.
FailedInputs failed_inputs(const std::filesystem::path& out);

/// Of each image that results.json holds, in order, whether a file of it is gone.
std::vector<bool> images_lacking_files(const std::filesystem::path& out);

/// The first of the outputs all together, results.json and its kin, that is gone; empty where none is.
std::string missing_output(const std::filesystem::path& out, const RunPlan& plan);

}  // namespace locus::report
