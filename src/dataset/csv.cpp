#include "dataset/csv.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {

namespace {

/// Takes one record off `text`, which is not empty. Returns its fields; counts the lines it spans. `file` is for error
/// messages.
std::vector<std::string> take_record(std::string_view& text, std::size_t& line, const std::filesystem::path& file) {
    std::vector<std::string> fields(1);
    bool quoted = false, closed = false;  // of the field at hand
    std::size_t opened = 0;               // the line of the last opening quote
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') ++line;
        if (quoted) {
            if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
                fields.back() += '"';
                ++i;
            } else if (c == '"') {
                quoted = false;
                closed = true;
            } else {
                fields.back() += c;
            }
        } else if (c == ',') {
            fields.emplace_back();
            closed = false;
        } else if (c == '\n') {
            ++i;
            break;
        } else if (c == '\r' && (i + 1 == text.size() || text[i + 1] == '\n')) {
            continue;
        } else if (closed) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: field {} goes on behind its closing quote; a comma is right there, "
                                    "and a quote inside a field is doubled",
                                    text::printable(file.string()), line, fields.size()));
        } else if (c == '"' && fields.back().empty()) {
            quoted = true;
            opened = line;
        } else {
            fields.back() += c;
        }
    }
    // Up to here it has taken all that follows for one field.
    if (quoted) {
        throw Error(ErrorKind::io, fmt::format("{}, line {}: field {} begins with a quote that is never closed",
                                               text::printable(file.string()), opened, fields.size()));
    }
    text.remove_prefix(i);
    return fields;
}

}  // namespace

Csv read_csv(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw Error(ErrorKind::io, fmt::format("{}: cannot be opened", text::printable(file.string())));
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    std::string_view text = content;
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
        throw Error(ErrorKind::io,
                    fmt::format("{}: is text in UTF-16; UTF-8 is right", text::printable(file.string())));
    }

    Csv csv;
    csv.file = file;
    std::size_t line = 1;
    while (!text.empty()) {
        const std::size_t first_line = line;
        std::vector<std::string> fields = take_record(text, line, file);
        if (fields.size() == 1 && fields[0].empty()) continue;
        if (csv.header.empty()) {
            csv.header = std::move(fields);
            continue;
        }
        if (fields.size() != csv.header.size()) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: {} field{} where the header has {}", text::printable(file.string()),
                                    first_line, fields.size(), fields.size() == 1 ? "" : "s", csv.header.size()));
        }
        csv.rows.push_back(std::move(fields));
        csv.lines.push_back(first_line);
    }
    if (csv.header.empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("{}: is empty; a CSV file begins with a header row", text::printable(file.string())));
    }
    return csv;
}

std::optional<std::size_t> Csv::find_column(std::string_view name) const {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) return std::nullopt;
    if (std::find(found + 1, header.end(), name) != header.end()) {
        throw Error(ErrorKind::io, fmt::format("{}: has several columns {}; one is right",
                                               text::printable(file.string()), text::quote(name)));
    }
    return static_cast<std::size_t>(found - header.begin());
}

std::size_t Csv::column(std::string_view name) const {
    if (const auto found = find_column(name)) return *found;
    throw Error(ErrorKind::io,
                fmt::format("{}: has no column {}; its columns are {}", text::printable(file.string()),
                            text::quote(name), text::printable(fmt::format("{}", fmt::join(header, ", ")))));
}

double Csv::number(std::size_t row, std::size_t column) const {
    const std::string& field = rows[row][column];
    double value = 0;
    const auto [end, failed] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (failed != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) {
        throw Error(ErrorKind::io,
                    fmt::format("{}, line {}: {} in column {} is not a number", text::printable(file.string()),
                                lines[row], text::quote(field), text::quote(header[column])));
    }
    return value;
}

}  // namespace locus::dataset
