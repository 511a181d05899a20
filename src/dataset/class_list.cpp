#include "dataset/class_list.hpp"

#include <fmt/format.h>

#include "dataset/csv.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {

ClassList::ClassList(std::vector<ClassEntry> list) : entries(std::move(list)) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].name.empty()) entries[i].name = entries[i].key;
        if (!indices_.emplace(entries[i].key, static_cast<int>(i)).second) {
            throw Error(ErrorKind::usage, fmt::format("the class {} is listed twice", text::quote(entries[i].key)));
        }
    }
}

std::optional<int> ClassList::find(std::string_view key) const {
    const auto found = indices_.find(std::string(key));
    if (found == indices_.end()) return std::nullopt;
    return found->second;
}

std::vector<std::string> ClassList::names() const {
    std::vector<std::string> names;
    for (const ClassEntry& entry : entries) names.push_back(entry.name);
    return names;
}

ClassList read_class_list(const std::filesystem::path& file) {
    const Csv csv = read_csv(file);
    const auto index_column = csv.find_column("index");
    const auto name_column = csv.find_column("name");
    std::optional<std::size_t> key_column;
    for (const char* candidate : {"wnid", "key", "folder", "label", "class"}) {
        if (!key_column) key_column = csv.find_column(candidate);
    }
    for (std::size_t i = 0; i < csv.header.size() && !key_column; ++i) {
        if (i != index_column && i != name_column) key_column = i;
    }
    if (!key_column) key_column = name_column;
    if (!key_column) {
        throw Error(ErrorKind::io, fmt::format("{}: has no column with the classes' keys, such as 'wnid'",
                                               text::printable(file.string())));
    }
    if (csv.rows.empty()) throw Error(ErrorKind::io, fmt::format("{}: lists no class", text::printable(file.string())));

    std::vector<ClassEntry> entries(csv.rows.size());
    std::vector<bool> taken(csv.rows.size());
    for (std::size_t row = 0; row < csv.rows.size(); ++row) {
        std::size_t index = row;
        if (index_column) {
            const double number = csv.number(row, *index_column);
            if (number < 0 || number >= static_cast<double>(entries.size()) || number != static_cast<int>(number)) {
                throw Error(ErrorKind::io,
                            fmt::format("{}, line {}: index {} is not a whole number from 0 to {}",
                                        text::printable(file.string()), csv.lines[row],
                                        text::printable(csv.rows[row][*index_column]), entries.size() - 1));
            }
            index = static_cast<std::size_t>(number);
        }
        if (taken[index]) {
            throw Error(ErrorKind::io, fmt::format("{}, line {}: index {} occurs twice", text::printable(file.string()),
                                                   csv.lines[row], index));
        }
        taken[index] = true;
        entries[index] = {csv.rows[row][*key_column], name_column ? csv.rows[row][*name_column] : std::string()};
    }
    return ClassList(std::move(entries));
}

}  // namespace locus::dataset
