#pragma once

/// Maps that any tool wrote, one .npy file an image, matched with images by folder and name.

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "evaluate/baseline_scorer.hpp"
#include "evaluate/metrics/map_scores.hpp"
#include "evaluate/truth/truth.hpp"

namespace locus::evaluate {

/// The .npy files of a folder, subfolders included.
class StoredMaps {
public:
    /// Throws Error(io) where the folder cannot be read or holds no .npy file.
    explicit StoredMaps(std::filesystem::path folder);

    const std::filesystem::path& folder() const { return folder_; }
    /// The file of an image's map, nullptr where there is none: of "a/x.jpg" it is "a/x.jpg.npy", else "a/x.npy". Where
    /// there is neither, either side may leave leading folders out ("x.npy" or "a/x.npy" for "photos/a/x.jpg"). Throws
    /// Error(usage) where several maps fit so.
    const std::filesystem::path* find(const std::string& image) const;
    std::size_t size() const { return files_.size(); }

private:
    const std::filesystem::path* find_but_for_folders(const std::string& name, const std::string& image) const;

    std::filesystem::path folder_;
    std::unordered_map<std::string, std::filesystem::path> files_;  ///< by name without .npy
    /// Those names, by what is behind the last /.
    std::unordered_map<std::string, std::vector<std::string>> by_own_name_;
};

/// Scores an image under several folders of maps and the baselines. Whatever goes wrong with the image becomes the
/// record's error.
ImageRecord score_stored_maps(const Truth& truth, std::size_t index, const std::vector<StoredMaps>& folders,
                              const BaselineScorer& baselines, const LocalizationOptions& options);

}  // namespace locus::evaluate
