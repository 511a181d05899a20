#pragma once

/// boxes.coco.json: the boxes in COCO's format, with image and category tables, so that `pycocotools.coco.COCO("boxes.coco.json")` loads it
/// and its "annotations" are a COCO results list for `loadRes` (https://cocodataset.org/#format-data, #format-results).
///
///     CocoWriter coco("out/boxes.coco.json");
///     for (...) coco.image(id, image);              // all images first, in order
///     for (...) coco.annotations(id, image);        // then all again
///     coco.commit();
///
/// Two rounds, because the file holds one table behind the other and a million boxes shall not be held in memory.

#include <cstddef>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "report/atomic_file.hpp"

namespace locus::report {

class CocoWriter {
public:
    explicit CocoWriter(const std::filesystem::path& path);

    /// `image` is an entry of results.json's "images"; `id` any number from 1, the same in both rounds.
    void image(std::size_t id, const nlohmann::ordered_json& image);
    void annotations(std::size_t id, const nlohmann::ordered_json& image);
    void commit();

private:
    void begin_annotations();
    void entry(const std::string& text);

    AtomicFile file_;
    std::map<int, std::string> categories_;
    std::size_t annotation_ = 0;
    bool first_ = true;
    bool in_annotations_ = false;
};

}  // namespace locus::report
