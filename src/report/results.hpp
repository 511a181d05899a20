#pragma once

/// What a run of `locus explain` found, as `results.json` holds it (docs/formats.md). Pure values: nothing here
/// computes.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "locus/boxes.hpp"
#include "locus/explainer.hpp"
#include "locus/map.hpp"
#include "locus/preprocessing.hpp"

namespace locus::report {

struct ModelRecord {
    std::string file;    ///< as given
    std::string sha256;  ///< of the file, lower-case hexadecimal
    std::string pool;    ///< "mean", "max", "sum" or "none"
    std::string input;
    std::string output;
    int classes = 0;
    std::string activation;  ///< what follows the logits: "softmax", "log_softmax", "sigmoid" or "none"
};

/// One map of one image, written as maps/*.npy when maps are saved.
struct ExplanationRecord {
    Explanation explanation;
    std::string method;
    std::string layer;
    std::string map_file;      ///< relative to OUT, empty where not saved
    std::string overlay_file;  ///< likewise
    std::string heatmap_file;
    std::string mask_file;
    std::string decomposition_file;
    std::vector<Box> boxes;
    double map_min = 0, map_max = 0;  ///< of the raw map
};

struct ImageRecord {
    std::string file;  ///< as given; bytes that are not UTF-8 appear as \xNN
    int width = 0;     ///< pixels, upright
    int height = 0;
    Region region;        ///< what the network saw of it
    std::string warning;  ///< what a reader must know of this picture, else empty
    std::vector<ExplanationRecord> explanations;
};

struct Failure {
    std::string file;
    std::string error;
};

struct RunRecord {
    ModelRecord model;
    Preprocessing preprocessing;
    int sample_bits = 0;                                       ///< of 16-bit photos, where they were given; else 0
    std::map<std::string, std::string> preprocessing_sources;  ///< "mean": "model metadata", …; may be empty
    std::string method;                                        ///< the first where several
    std::string layer;
    double threshold = 0.2;
    std::string components = "largest";
    std::uint64_t seed = 0;
    std::vector<std::string> warnings;

    // How the page shows heat at first; not in results.json.
    std::string colormap = "turbo";
    double opacity = 0.5;
};

}  // namespace locus::report
