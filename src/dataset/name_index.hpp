#pragma once

/// Names of images, as different tables and folders have them, told to be the same.
///
///     dataset::NameIndex index;
///     index.add("val/n01443537/val_68.JPEG");     // 0
///     index.find("val_68.png");                   // 0: without folders, as it is the only one of its own name
///
/// Names are compared without their ending, so that a map `a/cat.npy`, a mask `a/cat.png` and an image `a/cat.jpg` are
/// the same image. Either side may leave the folders out, as long as the file's own name is the only one, but not both
/// name different ones.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace locus::dataset {

/// A name without its ending and without a leading "./".
std::string without_ending(std::string_view name);

class NameIndex {
public:
    /// The number of the name, counted from 0 in the order in which names are first added.
    std::size_t add(std::string_view name);
    std::optional<std::size_t> find(std::string_view name) const;
    std::size_t size() const { return keys_.size(); }

private:
    std::vector<std::string> keys_;
    std::unordered_map<std::string, std::size_t> by_name_;
    std::unordered_map<std::string, std::size_t> by_own_name_;  ///< without folders; `ambiguous` where several share it
    static constexpr std::size_t ambiguous = static_cast<std::size_t>(-1);
};

}  // namespace locus::dataset
