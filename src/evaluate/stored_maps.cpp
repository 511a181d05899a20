#include "evaluate/stored_maps.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <system_error>

#include <fmt/core.h>

#include "files/files_below.hpp"
#include "files/npy.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::evaluate {

namespace {

std::string own_name(const std::string& name) { return name.substr(name.rfind('/') + 1); }

/// Whether one is the other with folders left out in front.
bool same_but_for_leading_folders(const std::string& a, const std::string& b) {
    return a.ends_with('/' + b) || b.ends_with('/' + a);
}

}  // namespace

StoredMaps::StoredMaps(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code failed;
    for (const auto& file : files::files_below(folder_, ".npy", failed)) {
        std::string name = file.lexically_relative(folder_).replace_extension().generic_string();
        if (files_.emplace(name, file).second) by_own_name_[own_name(name)].push_back(std::move(name));
    }
    if (failed) {
        throw Error(ErrorKind::io, fmt::format("the folder of maps {} cannot be read: {}",
                                               text::quote(folder_.string()), failed.message()));
    }
    if (files_.empty()) {
        throw Error(ErrorKind::io,
                    fmt::format("the folder of maps {} holds no .npy file", text::quote(folder_.string())));
    }
}

const std::filesystem::path* StoredMaps::find(const std::string& image) const {
    const std::array names{std::filesystem::path(image).lexically_normal().generic_string(), without_ending(image)};
    for (const std::string& name : names) {
        if (const auto found = files_.find(name); found != files_.end()) return &found->second;
    }
    for (const std::string& name : names) {
        if (const auto* file = find_but_for_folders(name, image)) return file;
    }
    return nullptr;
}

const std::filesystem::path* StoredMaps::find_but_for_folders(const std::string& name, const std::string& image) const {
    const auto namesakes = by_own_name_.find(own_name(name));
    if (namesakes == by_own_name_.end()) return nullptr;
    std::vector<std::string> fitting;
    std::ranges::copy_if(namesakes->second, std::back_inserter(fitting),
                         [&](const std::string& map) { return same_but_for_leading_folders(map, name); });
    if (fitting.empty()) return nullptr;
    if (fitting.size() > 1) {
        std::ranges::sort(fitting);
        throw Error(ErrorKind::usage, fmt::format("{} may have the map {} or {} in {}: name the image with its folders",
                                                  text::quote(image), text::quote(fitting[0] + ".npy"),
                                                  text::quote(fitting[1] + ".npy"), text::quote(folder_.string())));
    }
    return &files_.at(fitting.front());
}

ImageRecord score_stored_maps(const Truth& truth, std::size_t index, const std::vector<StoredMaps>& folders,
                              const BaselineScorer& baselines, const LocalizationOptions& options) {
    ImageRecord record;
    record.index = index;
    record.name = truth.name;
    try {
        std::optional<Mask> mask;
        if (!truth.mask.empty()) mask = read_mask(truth.mask);
        int width = truth.width, height = truth.height;
        if (width == 0 && mask) {
            width = mask->width;
            height = mask->height;
        }
        if (width == 0) {
            throw Error(
                ErrorKind::usage,
                fmt::format(
                    "the size of {} is not known: maps without images need boxes with the columns width and height, or "
                    "masks",
                    text::quote(truth.name)));
        }
        const ImageTruth ready = make_truth(width, height, truth.boxes, mask ? &*mask : nullptr, options);
        for (const StoredMaps& folder : folders) {
            const std::filesystem::path* file = folder.find(truth.name);
            if (file == nullptr) {
                throw Error(ErrorKind::io, fmt::format("{} has no map of {}", text::quote(folder.folder().string()),
                                                       text::quote(truth.name)));
            }
            try {
                record.rows.push_back(score(answer_of(files::read_npy(*file), ready, options), ready, options));
                const std::string where = "in " + text::quote(folder.folder().string());
                std::ranges::move(remarks_on(record.rows.back(), where), std::back_inserter(record.remarks));
            } catch (const Error& error) {
                throw Error(error.kind(), fmt::format("{}: {}", text::quote(file->string()), error.what()));
            }
        }
        for (ImageScores& scores : baselines.score(ready, index)) record.rows.push_back(std::move(scores));
        std::ranges::move(remarks_on(ready), std::back_inserter(record.remarks));
    } catch (const Error& error) {
        record.error = error.what();
    } catch (const std::bad_alloc&) {
        record.error = "memory does not suffice for an image of its size";
    }
    if (!record.error.empty()) {
        record.rows.clear();
        record.remarks.clear();
    }
    return record;
}

}  // namespace locus::evaluate
