#pragma once

/// Ground-truth boxes of a data set, read for evaluation only.
///
///     dataset::BoxList boxes = dataset::read_box_list("val_boxes.csv");
///     for (const locus::Box& box : boxes.of("val/n01443537/val_68.JPEG")) ...

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "locus/boxes.hpp"

namespace locus::dataset {

struct BoxList {
    std::unordered_map<std::string, std::vector<Box>> boxes;  ///< by the image's name

    /// The boxes of an image, none where it is not listed.
    std::span<const Box> of(std::string_view name) const;
};

/// A CSV file with the columns path, x0, y0, x1, y1: left, top, right and bottom in pixels of the image, the last two inclusive (a box of one
/// pixel has x0 = x1). An image may have several rows. Throws Error(io) where a column is missing, a value is no number or a box is inside out.
BoxList read_box_list(const std::filesystem::path& file);

}  // namespace locus::dataset
