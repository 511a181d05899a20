#pragma once

/// The formats that `read_boxes` chooses from; see truth.hpp.

#include <filesystem>

#include "evaluate/truth/truth.hpp"

namespace locus::evaluate {

TruthList read_csv_boxes(const std::filesystem::path& file);
TruthList read_coco_boxes(const std::filesystem::path& file);
/// A folder of XML files, or one.
TruthList read_xml_boxes(const std::filesystem::path& source);

}  // namespace locus::evaluate
