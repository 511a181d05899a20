#include "evaluate/truth.hpp"

#include <algorithm>

#include <fmt/core.h>

#include "evaluate/box_readers.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {
namespace {

std::string lower_ending(const std::filesystem::path& file) {
    std::string ending = file.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return std::tolower(c); });
    return ending;
}

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

const Truth* TruthList::find(std::string_view name) const {
    const std::string key = without_ending(name);
    if (const auto found = by_name_.find(key); found != by_name_.end()) return &truths_[found->second];
    // Either side may leave the folders out, but not both name different ones.
    const auto found = by_own_name_.find(own_name(key));
    if (found == by_own_name_.end() || found->second == ambiguous) return nullptr;
    const Truth& truth = truths_[found->second];
    const bool without_folders =
        without_ending(truth.name).find('/') == std::string::npos || key.find('/') == std::string::npos;
    return without_folders ? &truth : nullptr;
}

Truth& TruthList::at(std::string_view name) {
    const std::string key = without_ending(name);
    const auto [entry, is_new] = by_name_.try_emplace(key, truths_.size());
    if (is_new) {
        truths_.push_back({std::string(name), 0, 0, {}, {}});
        const auto [own, first] = by_own_name_.try_emplace(own_name(key), entry->second);
        if (!first) own->second = ambiguous;
    }
    return truths_[entry->second];
}

TruthList read_boxes(const std::filesystem::path& source) {
    std::error_code error;
    if (std::filesystem::is_directory(source, error)) return read_xml_boxes(source);
    if (!std::filesystem::exists(source, error)) {
        throw Error(
            ErrorKind::io,
            fmt::format("The boxes {} are not there: a CSV file, a COCO JSON file or a folder of XML files is needed.",
                        text::quote(source.string())));
    }
    const std::string ending = lower_ending(source);
    if (ending == ".json") return read_coco_boxes(source);
    if (ending == ".xml") return read_xml_boxes(source);
    return read_csv_boxes(source);
}

void add_masks(TruthList& truths, const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    try {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file() && lower_ending(entry.path()) == ".png") files.push_back(entry.path());
        }
    } catch (const std::filesystem::filesystem_error& error) {
        throw Error(ErrorKind::io, fmt::format("The folder of masks {} cannot be read: {}.",
                                               text::quote(folder.string()), error.code().message()));
    }
    if (files.empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("The folder of masks {} holds no PNG file.", text::quote(folder.string())));
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        const std::string name = file.lexically_relative(folder).generic_string();
        const Truth* known = truths.find(name);
        truths.at(known == nullptr ? name : known->name).mask = file;
    }
}

}  // namespace locus::evaluate
