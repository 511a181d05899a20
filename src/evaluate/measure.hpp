#pragma once

/// Measuring the images of a run, in units, on several threads, into a journal.

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "evaluate/journal.hpp"

namespace locus::evaluate {

struct MeasureOptions {
    std::size_t unit = 1;  ///< images measured together
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;  ///< set from outside: what is in flight is finished, no more begun
    std::function<void(std::size_t done, std::size_t total)> progress;  ///< called one at a time
};

/// Measures the images of the journal that it does not have yet: `measure` gets indices that follow each other and returns a record for each; it is
/// called from several threads at once. Its exceptions end the run and are passed on. Returns whether all images are done.
bool measure_all(Journal& journal, std::size_t images,
                 const std::function<std::vector<ImageRecord>(const std::vector<std::size_t>& indices)>& measure,
                 const MeasureOptions& options);

}  // namespace locus::evaluate
