#pragma once

/// boxes.coco.json: the boxes in COCO's format, with image and category tables, so that
/// `pycocotools.coco.COCO("boxes.coco.json")` loads it and its "annotations" are a COCO results list for `loadRes`
/// (https://cocodataset.org/#format-data, #format-results).
///
///     CocoWriter coco("out/boxes.coco.json");
///     for (...) coco.image(id, image);
///     coco.commit();

#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "files/atomic_file.hpp"

namespace locus::report {

class CocoWriter {
public:
    explicit CocoWriter(const std::filesystem::path& path);

    /// `image` is an entry of results.json's "images"; `id` any number from 1 that no other has.
    void image(std::size_t id, const nlohmann::ordered_json& image);
    void commit();

private:
    files::AtomicFile file_;
    /// The file holds them behind all images, and a million boxes shall not be held in memory.
    files::Spool annotations_;
    std::map<int, std::string> categories_;
    std::size_t images_ = 0, boxes_ = 0;
};

}  // namespace locus::report
