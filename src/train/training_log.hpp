#pragma once

/// The course of a training: as a line, as log.csv, and inside a checkpoint.

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "train/options.hpp"

namespace locus::train {

std::string describe(const EpochRecord& record, int epochs);

/// One row an epoch, with a header; empty fields where nothing was measured.
void write_log(const std::vector<EpochRecord>& history, const std::filesystem::path& file);

nlohmann::json to_json(const std::vector<EpochRecord>& history);
std::vector<EpochRecord> records_from_json(const nlohmann::json& json);

}  // namespace locus::train
