#pragma once

/// The true classes of images in a table of their own, for data sets whose images lie beside each other (ILSVRC's
/// validation set).
///
///     dataset::LabelTable labels = dataset::read_label_table("truth.csv");     // path,label
///     labels.find("ILSVRC2012_val_00000001.JPEG");                             // "n01751748"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/name_index.hpp"

namespace locus::dataset {

class LabelTable {
public:
    /// Whether the name is new, or had the same label before.
    bool add(std::string_view name, const std::string& label);
    const std::string* find(std::string_view name) const;
    std::size_t size() const { return labels_.size(); }
    const std::string& first_name() const { return first_name_; }

private:
    NameIndex names_;
    std::vector<std::string> labels_;
    std::string first_name_;
};

/// A CSV file with the columns `path` (or `file`) and `label`: names as dataset/name_index.hpp compares them. Throws
/// Error(io) for another header, a row without name or label, an image with two labels, or no row at all.
LabelTable read_label_table(const std::filesystem::path& file);

}  // namespace locus::dataset
