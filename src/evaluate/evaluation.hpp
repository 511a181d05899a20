#pragma once

/// A whole run of `locus evaluate`: maps or models in, tables and files out.
///
///     evaluate::EvaluationOptions options{
///         .maps = {"maps/"}, .boxes = "boxes.csv", .metrics = {"gt-known", "maxboxacc"}, .out = "out"};
///     evaluate::Evaluation result = evaluate::evaluate(options, {});
///     std::cout << result.table;

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "cluster/cluster.hpp"
#include "evaluate/journal.hpp"
#include "evaluate/results.hpp"

namespace locus::evaluate {

struct EvaluationOptions {
    std::vector<std::filesystem::path> maps;    ///< folders of maps, each a row of the table; without models
    std::vector<std::filesystem::path> models;  ///< each with each of the methods is a row
    std::vector<std::string> methods;           ///< empty: "auto"
    std::vector<std::filesystem::path> data;    ///< images, for models: see dataset/sample_list.hpp
    std::filesystem::path truth;                ///< CSV of the images' classes; empty: as the data's folders say
    std::filesystem::path classes;              ///< CSV of the data's classes; empty: as found
    std::filesystem::path boxes;                ///< empty: none
    std::filesystem::path masks;                ///< folder; empty: none
    std::vector<std::string> metrics;           ///< empty: all that the rest allows and one pass gives
    std::filesystem::path out;
    double step = 0.001;
    int side = 224;
    double threshold = 0.2;
    double tolerance = 0;
    int steps = 50;         ///< of insertion and deletion
    std::size_t batch = 4;  ///< images a pass: larger ones leave the processor's cache
    std::uint64_t seed = 0;
    int resamples = 1000;
    std::size_t subset = 0;  ///< images drawn by the seed; 0: all
    int sample_bits = 0;     ///< of 16-bit photos, as image::DecodeOptions has it
    int threads = 1;
    Begin begin = Begin::fresh;                 ///< over what an earlier run left in `out`
    std::string version;                        ///< of Locus, for the files
    const cluster::Cluster* cluster = nullptr;  ///< nullptr: this process alone
};

struct EvaluationObserver {
    std::function<void(std::size_t done, std::size_t total)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct Evaluation {
    bool is_worker = false;  ///< this process helped rank 0 of a cluster and has nothing to show
    bool complete = true;    ///< false: stopped, records kept for --resume, no tables
    RunDescription description;
    std::vector<ImageRecord> records;
    Summary summary;
    std::string table;
};

/// Writes metrics.json, metrics.csv and report.html into `out`, and records.jsonl on the way. Throws Error(usage) for
/// options that do not go together, Error(io) for what cannot be read; images that cannot be scored are in the records.
Evaluation evaluate(const EvaluationOptions& options, const EvaluationObserver& observer);

}  // namespace locus::evaluate
