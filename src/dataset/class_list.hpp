#pragma once

/// The classes of a data set: their order, and what people call them.
///
///     dataset::ClassList classes = dataset::read_class_list("classes.csv");
///     classes.find("n01443537");    // 0
///     classes.entries[0].name;      // "goldfish"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace locus::dataset {

struct ClassEntry {
    std::string key;   ///< what data are labelled with: a folder's name or a CSV's label
    std::string name;  ///< what people read; the key where nothing else is known
};

class ClassList {
public:
    ClassList() = default;
    /// Throws Error(usage) where a key occurs twice.
    explicit ClassList(std::vector<ClassEntry> list);

    std::vector<ClassEntry> entries;  ///< in the order of the network's outputs

    std::optional<int> find(std::string_view key) const;
    std::vector<std::string> names() const;

private:
    std::unordered_map<std::string, int> indices_;
};

/// A CSV file with the columns `index` (optional; 0, 1, … without gaps, in any order of rows), a key (the first of
/// `wnid`, `key`, `folder`, `label`, `class`; else the first that is neither index nor name) and `name` (optional).
/// Throws Error(io) for anything else.
ClassList read_class_list(const std::filesystem::path& file);

}  // namespace locus::dataset
