#pragma once

/// A whole run of `locus evaluate`: maps or models in, tables and files out.
///
///     evaluate::EvaluationOptions options{.maps = {"maps/"}, .boxes = "boxes.csv", .metrics = {"gt-known", "maxboxacc"}, .out = "out"};
///     evaluate::Evaluation result = evaluate::evaluate(options, {});
///     std::cout << result.table;

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "evaluate/results.hpp"

namespace locus::evaluate {

struct EvaluationOptions {
    std::vector<std::filesystem::path> maps;  ///< folders of maps, each a row of the table
    std::filesystem::path boxes;              ///< empty: none
    std::filesystem::path masks;              ///< folder; empty: none
    std::vector<std::string> metrics;         ///< empty: all that the rest allows
    std::filesystem::path out;
    double step = 0.001;
    int side = 224;
    double threshold = 0.2;
    double tolerance = 0;
    std::uint64_t seed = 0;
    int resamples = 1000;
    std::size_t subset = 0;  ///< images drawn by the seed; 0: all
    int threads = 1;
    bool resume = false;
    std::string version;  ///< of Locus, for the files
};

struct EvaluationObserver {
    std::function<void(std::size_t done, std::size_t total)> progress;
    const std::atomic<bool>* stop = nullptr;
};

struct Evaluation {
    bool complete = true;  ///< false: stopped, records kept for --resume, no tables
    RunDescription description;
    std::vector<ImageRecord> records;
    Summary summary;
    std::string table;
};

/// Writes metrics.json, metrics.csv and report.html into `out`, and records.jsonl on the way. Throws Error(usage) for options that do not go
/// together, Error(io) for what cannot be read; images that cannot be scored are in the records.
Evaluation evaluate(const EvaluationOptions& options, const EvaluationObserver& observer);

}  // namespace locus::evaluate
