#include "dataset/name_index.hpp"

namespace locus::dataset {
namespace {

std::string own_name(const std::string& name) {
    const auto slash = name.rfind('/');
    return slash == std::string::npos ? name : name.substr(slash + 1);
}

}  // namespace

std::string without_ending(std::string_view name) {
    while (name.starts_with("./")) name.remove_prefix(2);
    const auto slash = name.rfind('/');
    const auto dot = name.rfind('.');
    if (dot != std::string_view::npos && dot > 0 && (slash == std::string_view::npos || dot > slash + 1)) {
        name = name.substr(0, dot);
    }
    return std::string(name);
}

std::size_t NameIndex::add(std::string_view name) {
    const std::string key = without_ending(name);
    const auto [entry, is_new] = by_name_.try_emplace(key, keys_.size());
    if (is_new) {
        const auto [own, first] = by_own_name_.try_emplace(own_name(key), keys_.size());
        if (!first) own->second = ambiguous;
        keys_.push_back(key);
    }
    return entry->second;
}

std::optional<std::size_t> NameIndex::find(std::string_view name) const {
    const std::string key = without_ending(name);
    if (const auto found = by_name_.find(key); found != by_name_.end()) return found->second;
    const auto found = by_own_name_.find(own_name(key));
    if (found == by_own_name_.end() || found->second == ambiguous) return std::nullopt;
    const bool without_folders =
        keys_[found->second].find('/') == std::string::npos || key.find('/') == std::string::npos;
    return without_folders ? std::optional(found->second) : std::nullopt;
}

}  // namespace locus::dataset
