#pragma once

/// What a run was told, as its folder keeps it: the first line of OUT/.locus/journal and of OUT/.locus/run.json.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace locus::report {

/// What must be the same for results to be the same.
struct RunPlan {
    /// Name and value of everything that results depend on: options, the model's SHA-256, a SHA-256 over the names of
    /// the inputs. Messages name them ("--threshold is 0.3 and was 0.2"), so give them the names that users know.
    /// Locus's version is added.
    std::vector<std::pair<std::string, std::string>> settings;
    std::size_t inputs = 0;
    bool boxes = true;   ///< write boxes.csv and boxes.coco.json
    bool report = true;  ///< write report.html
};

/// The plan as one line of JSON, without an end of line.
std::string settings_json(const RunPlan& plan);

/// What stands in the way of going on with the run whose line `before` is: "--threshold is 0.3 and was 0.2, and model
/// has changed". Empty where nothing does.
std::string differences(const std::string& before, const RunPlan& plan);

}  // namespace locus::report
