#include "dataset/label_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dataset/csv.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {

bool LabelTable::add(std::string_view name, const std::string& label) {
    const std::size_t number = names_.add(name);
    if (number < labels_.size()) return labels_[number] == label;
    if (labels_.empty()) first_name_ = name;
    labels_.push_back(label);
    return true;
}

const std::string* LabelTable::find(std::string_view name) const {
    const auto number = names_.find(name);
    return number ? &labels_[*number] : nullptr;
}

LabelTable read_label_table(const std::filesystem::path& file) {
    const Csv csv = read_csv(file);
    const auto name = csv.find_column("path") ? csv.find_column("path") : csv.find_column("file");
    const auto label = csv.find_column("label");
    if (!name || !label) {
        throw Error(ErrorKind::io,
                    fmt::format("the header of {} is {}: path,label is right", text::quote(file.string()),
                                text::quote(fmt::format("{}", fmt::join(csv.header, ",")))));
    }
    LabelTable table;
    for (std::size_t row = 0; row < csv.rows.size(); ++row) {
        const std::string &image = csv.rows[row][*name], &key = csv.rows[row][*label];
        const auto complain = [&](const std::string& what) {
            throw Error(ErrorKind::io,
                        fmt::format("{}, line {}: {}", text::quote(file.string()), csv.lines[row], what));
        };
        if (image.empty()) complain("the image's name is empty");
        if (key.empty()) complain(fmt::format("{} has no label", text::quote(image)));
        if (!table.add(image, key)) complain(fmt::format("{} has another label than before", text::quote(image)));
    }
    if (table.size() == 0) throw Error(ErrorKind::io, fmt::format("{} names no image", text::quote(file.string())));
    return table;
}

}  // namespace locus::dataset
