#pragma once

/// What was measured of one image: all that tables are made from. Records are kept in the order of the images, so
/// tables do not depend on who measured what, or when; each is one line of JSON, which is how a broken-off run is taken
/// up and how ranks of a cluster report.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/metrics/box_accuracy.hpp"
#include "evaluate/metrics/pixel_precision.hpp"

namespace locus::evaluate {

/// A map for people to look at, kept where making it again would take many passes.
struct Preview {
    int width = 0, height = 0;         ///< at most 28
    std::vector<std::uint8_t> values;  ///< 0 ... 255

    bool operator==(const Preview&) const = default;
};

/// The image under one method (of one model), or under one baseline.
struct ImageScores {
    /// By metric's name, those that are means over images; "iou" besides, the box's overlap.
    std::map<std::string, double> values;
    std::optional<BoxHits> hits;
    std::vector<PixelBin> pixels;             ///< bins of the pixels' scores that are not empty
    std::vector<double> insertion, deletion;  ///< probability after each step
    std::optional<Preview> preview;
    bool map_is_finite = true;  ///< neither a NaN nor an infinity is in it

    bool operator==(const ImageScores&) const = default;
};

struct ImageRecord {
    std::size_t index = 0;  ///< in the order of the images
    std::string name;
    std::string label;                 ///< its class's name, which others may have too; empty: not known
    std::string class_key;             ///< what the data call the class, which tells it from all others
    std::string error;                 ///< why there are no scores; empty: there are
    std::vector<ImageScores> rows;     ///< one for each method, in the run's order
    std::vector<std::string> remarks;  ///< sentences: "has no box", ...

    bool operator==(const ImageRecord&) const = default;
};

/// One line, without the line's end; numbers are written so that they are read back to the bit.
std::string to_json(const ImageRecord& record);

/// Throws Error(io) where the line is not one of ours.
ImageRecord record_from_json(const std::string& line);

}  // namespace locus::evaluate
