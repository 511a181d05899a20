#pragma once

/// Labelled images of a data set, listed without being decoded.
///
///     dataset::SampleList data =
///         dataset::list_samples({"tiny100/"}, {.classes = dataset::read_class_list("classes.csv")});
///     data.samples[0].name;                          // "train/n01443537/n01443537_0.JPEG"
///     data.samples[0].labels;                        // {0}
///     std::vector<std::byte> jpeg = dataset::read_bytes(data.samples[0]);
///
/// A source is one of
/// - a folder of folders, one a class: `DIR/goldfish/*.jpg`; files deeper inside count as the class's;
/// - an uncompressed tar file of such folders, read in place; the class is the name of the folder that holds the file;
/// - a folder of such tar files (only the folder itself is looked through);
/// - a CSV file with the columns `path` (relative to the CSV's folder) and `label` or `labels`; several labels are
///   separated by ';' or '|'
///   and make the set multi-label.
///
/// With a table of the true classes (`ListOptions::labels`) folders mean nothing: all images of a folder and its
/// subfolders, or of an archive, are taken, and a CSV file needs its column `path` alone. Images that are not in the
/// table are left out.
///
/// What is hidden (macOS's `._cat.jpg`) is left out of folders and archives.
///
/// The order is that of names (archives: of their members), so it does not depend on the file system. An image that is
/// listed several times with the same labels counts once.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataset/class_list.hpp"
#include "dataset/label_table.hpp"

namespace locus::dataset {

struct Sample {
    std::string name;            ///< its path inside the source: what tables of boxes call it
    std::filesystem::path file;  ///< the image file, or the archive that holds it
    std::uint64_t offset = 0;    ///< of its first byte in `file`
    std::uint64_t size = 0;      ///< bytes
    std::vector<int> labels;     ///< indices into the classes; exactly one unless the set is multi-label
};

struct SampleList {
    ClassList classes;
    std::vector<Sample> samples;
    bool multi_label = false;
    /// Sentences on what was passed over: files that are no images, classes without images.
    std::vector<std::string> remarks;
};

struct ListOptions {
    /// Empty: the folders' names or the labels that occur, sorted; by number where all are labels of tables and whole
    /// numbers ("2" before "10"), else by their characters, as torchvision's ImageFolder sorts folders.
    ClassList classes;
    const LabelTable* labels = nullptr;  ///< in place of class folders
};

/// Throws Error(io) where a source cannot be read or holds no image, and Error(usage) where a folder or label is not
/// among `classes`, where an image of the CSV has no label, where an image is listed with two different ones, or where
/// nothing tells classes apart (files beside each other without folders and table).
SampleList list_samples(const std::vector<std::filesystem::path>& sources, const ListOptions& options = {});

/// The bytes of a sample's file. May be called from several threads. Throws Error(io).
std::vector<std::byte> read_bytes(const Sample& sample);

}  // namespace locus::dataset
