#pragma once

/// Comma-separated values as RFC 4180 has them, with a header row.
///
///     dataset::Csv csv = dataset::read_csv("val_boxes.csv");
///     std::size_t path = csv.column("path");
///     for (const auto& row : csv.rows) row[path];
///
/// Fields may be quoted (a doubled quote stands for one), lines end in LF or CRLF, a byte-order mark and blank lines
/// are passed over.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace locus::dataset {

struct Csv {
    std::filesystem::path file;
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;  ///< each as long as the header
    std::vector<std::size_t> lines;              ///< line of the file, from 1, on which each row begins

    /// The column of this name; throws Error(io) that lists the columns there are, or where several have the name.
    std::size_t column(std::string_view name) const;
    /// Throws Error(io) where several have the name.
    std::optional<std::size_t> find_column(std::string_view name) const;

    /// A field as a number; throws Error(io) with file and line where it is none.
    double number(std::size_t row, std::size_t column) const;
};

/// Throws Error(io) where the file cannot be read, is UTF-16 by its byte-order mark, has no header, a row has another
/// number of fields than the header, a quote is not closed, or text follows one that is.
Csv read_csv(const std::filesystem::path& file);

}  // namespace locus::dataset
