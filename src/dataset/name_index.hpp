#pragma once

/// Names of images, as different tables and folders have them, told to be the same.
///
///     dataset::NameIndex index;
///     index.add("val/n01443537/val_68.JPEG");     // 0
///     index.find("val_68.png");                   // 0: without folders, as it is the only one of its own name
///
/// A name that is the same to the letter comes first: `a/cat.jpg` and `a/cat.png` are two images. Where there is none,
/// the ending does not count, so that a map `a/cat.npy`, a mask `a/cat.png` and an image `a/cat.jpg` are the same image.
/// Either side may leave the folders out, as long as the file's own name is the only one, but not both name different
/// ones.

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace locus::dataset {

/// A name without its ending, if that is one of pictures or of arrays (.npy), and without a leading "./": "photo.2020"
/// stays as it is.
std::string without_ending(std::string_view name);

class NameIndex {
public:
    NameIndex() = default;
    NameIndex(NameIndex&&) = default;
    NameIndex& operator=(NameIndex&&) = default;
    NameIndex(const NameIndex&) = delete;  // its parts refer to each other
    NameIndex& operator=(const NameIndex&) = delete;

    /// The number of the name, counted from 0 in the order in which names are first added.
    std::size_t add(std::string_view name);

    /// None where no name fits, or where several do that lie in different folders. Throws Error(usage) where two fit
    /// that differ in their ending alone.
    std::optional<std::size_t> find(std::string_view name) const;

    std::size_t size() const { return names_.size(); }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    /// Those whose names come to the same; more than two are not told apart.
    struct Sharers {
        std::size_t first = none, second = none;
    };
    using Numbers = std::unordered_map<std::string_view, Sharers>;  // views of `names_`

    static void note(Numbers& numbers, std::string_view key, std::size_t number);
    std::optional<std::size_t> only(const Numbers& numbers, std::string_view key, std::string_view asked) const;

    std::deque<std::string> names_;  ///< without a leading "./"
    Numbers by_name_, by_stem_;      ///< stem: without the ending
    Numbers by_own_name_, by_own_stem_;
};

}  // namespace locus::dataset
