#pragma once

/// Measuring the images of a run, in units, on several threads and ranks, into a journal.

#include <atomic>
#include <cstddef>
#include <functional>

#include "evaluate/cluster.hpp"
#include "evaluate/journal.hpp"

namespace locus::evaluate {

struct MeasureOptions {
    std::size_t unit = 1;  ///< images measured together
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;  ///< set from outside: what is in flight is finished, no more begun
    std::function<void(std::size_t done, std::size_t total)> progress;  ///< called one at a time
};

/// Measures the images of the journal that it does not have yet, on rank 0 of the cluster: `measure` gets indices in ascending order and returns a record for
/// each; it is called from several threads at once. Its exceptions end the run and are passed on. Returns whether all images are done.
bool measure_all(Journal& journal, std::size_t images, const Measure& measure, const Cluster& cluster,
                 const MeasureOptions& options);

}  // namespace locus::evaluate
