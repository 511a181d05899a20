#pragma once

/// What is true of the images of a data set: their boxes and masks, by the images' names.
///
///     evaluate::TruthList truths = evaluate::read_boxes("val_boxes.csv");
///     evaluate::add_masks(truths, "masks/");
///     if (const evaluate::Truth* truth = truths.find("val/n01443537/val_68.JPEG")) truth->boxes ...
///
/// How names are compared: dataset/name_index.hpp.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/name_index.hpp"
#include "locus/boxes.hpp"

namespace locus::evaluate {

struct Truth {
    std::string name;           ///< as the annotations have it
    int width = 0, height = 0;  ///< pixels; 0 where the annotations do not say
    std::vector<Box> boxes;
    std::filesystem::path mask;  ///< empty: none
};

using dataset::without_ending;

/// Whether no pixel of the box is one of an image of width x height.
bool lies_outside(const Box& box, int width, int height);

/// Whether the box reaches beyond an image of width x height by more than one pixel: that much is common, of corners
/// that count from 1 or are exclusive.
bool reaches_beyond(const Box& box, int width, int height);

class TruthList {
public:
    /// In the order in which the annotations name them.
    const std::vector<Truth>& all() const { return truths_; }

    /// The image's truth, nullptr where there is none; throws as NameIndex::find does.
    const Truth* find(std::string_view name) const;

    /// The truth of the image of this very name, made where there is none.
    Truth& at(std::string_view name);

    std::vector<std::string> remarks;  ///< sentences on what was left out

private:
    std::vector<Truth> truths_;
    dataset::NameIndex names_;
};

/// Boxes of
/// - a CSV file with the columns `file` or `path`, `x0,y0,x1,y1` (inclusive corners; fractions are rounded to whole
///   pixels), and `width,height` of the image where no images are at hand; several rows an image;
/// - a COCO JSON file (x, y, width, height; fractions are rounded to whole pixels; crowds are left out);
/// - a folder of XML files as PASCAL VOC (corners count from 1) or ILSVRC (from 0) have them, subfolders included;
///   objects marked
///   difficult count.
/// Throws Error(io) for anything else, and for a box outside of its image, naming file and line; a single broken XML
/// file becomes a remark.
TruthList read_boxes(const std::filesystem::path& source);

/// Adds the PNG files of a folder (subfolders included) as masks of the images of their name: "a/x.png" of "a/x.jpg",
/// and "a/x.jpg.png" where several images differ in their ending alone. Throws Error(io) where there is none, and
/// Error(usage) where one may be two images', or two may be one image's.
void add_masks(TruthList& truths, const std::filesystem::path& folder);

}  // namespace locus::evaluate
