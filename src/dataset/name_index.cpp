#include "dataset/name_index.hpp"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "image/picture_name.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {
namespace {

std::string_view from_here(std::string_view name) {
    while (name.starts_with("./")) name.remove_prefix(2);
    return name;
}

/// Behind the last slash.
std::string_view own_name(std::string_view name) { return name.substr(name.rfind('/') + 1); }

/// Whether it is one of arrays, of pictures, or of pictures that Locus does not read but tables of boxes may name.
bool is_ending(std::string_view ending) {
    constexpr std::array<std::string_view, 9> others{".npy",  ".ppm",  ".pgm",  ".pnm", ".jp2",
                                                     ".avif", ".heic", ".heif", ".dcm"};
    const std::filesystem::path file = "name" + std::string(ending);
    return image::is_picture_name(file) || std::ranges::find(others, image::ending_of(file)) != others.end();
}

std::string_view stem_of(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    const bool has_dot = dot != std::string_view::npos && dot > name.size() - own_name(name).size();
    return has_dot && is_ending(name.substr(dot)) ? name.substr(0, dot) : name;
}

bool has_folder(std::string_view name) { return name.find('/') != std::string_view::npos; }

}  // namespace

std::string without_ending(std::string_view name) { return std::string(stem_of(from_here(name))); }

void NameIndex::note(Numbers& numbers, std::string_view key, std::size_t number) {
    Sharers& sharers = numbers[key];
    (sharers.first == none ? sharers.first : sharers.second) = number;
}

std::size_t NameIndex::add(std::string_view name) {
    if (const auto known = by_name_.find(from_here(name)); known != by_name_.end()) return known->second.first;
    const std::size_t number = names_.size();
    const std::string_view kept = names_.emplace_back(from_here(name));
    note(by_name_, kept, number);
    note(by_stem_, stem_of(kept), number);
    note(by_own_name_, own_name(kept), number);
    note(by_own_stem_, own_name(stem_of(kept)), number);
    return number;
}

std::optional<std::size_t> NameIndex::only(const Numbers& numbers, std::string_view key, std::string_view asked) const {
    const auto found = numbers.find(key);
    if (found == numbers.end()) return std::nullopt;
    const auto [first, second] = found->second;
    if (second == none) return first;
    if (stem_of(names_[first]) != stem_of(names_[second])) return std::nullopt;
    throw Error(ErrorKind::usage,
                fmt::format("{} may be {} or {}: its name needs the ending as well", text::quote(asked),
                            text::quote(names_[first]), text::quote(names_[second])));
}

std::optional<std::size_t> NameIndex::find(std::string_view name) const {
    const std::string_view asked = from_here(name), stem = stem_of(asked);
    if (const auto found = only(by_name_, asked, asked)) return found;
    if (const auto found = only(by_stem_, stem, asked)) return found;
    auto found = only(by_own_name_, own_name(asked), asked);
    if (!found) found = only(by_own_stem_, own_name(stem), asked);
    return found && has_folder(asked) && has_folder(names_[*found]) ? std::nullopt : found;
}

}  // namespace locus::dataset
