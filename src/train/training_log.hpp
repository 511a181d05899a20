#pragma once

/// The course of a training: as a line, as log.csv, and inside a checkpoint.

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "train/options.hpp"
#include "train/validation.hpp"

namespace locus::train {

std::string describe(const EpochRecord& record, int epochs);

/// One row an epoch, with a header; empty fields where nothing was measured.
void write_log(const std::vector<EpochRecord>& history, const std::filesystem::path& file);

/// One line on a written file's accuracy and localization.
std::string describe(const ValidationResult& result);

/// classes.csv (class,images,right,top1) and, where boxes are there, localization.csv (threshold,localization) in
/// `folder`; shares are 0..1.
void write_validation(const ValidationResult& result, const std::vector<std::string>& classes,
                      const std::filesystem::path& folder);

nlohmann::json to_json(const std::vector<EpochRecord>& history);
std::vector<EpochRecord> records_from_json(const nlohmann::json& json);

}  // namespace locus::train
