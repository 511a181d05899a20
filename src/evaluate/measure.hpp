#pragma once

/// Measuring the images of a run, in units, on several threads and ranks, into a journal.

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "cluster/cluster.hpp"
#include "evaluate/image_record.hpp"
#include "evaluate/journal.hpp"

namespace locus::evaluate {

/// Gets indices in ascending order and returns a record for each; called from several threads at once.
using Measure = std::function<std::vector<ImageRecord>(const std::vector<std::size_t>& indices)>;

struct MeasureOptions {
    std::size_t unit = 1;  ///< images measured together
    int threads = 1;
    const std::atomic<bool>* stop = nullptr;  ///< set from outside: what is in flight is finished, no more begun
    std::function<void(std::size_t done, std::size_t total)> progress;  ///< called one at a time
};

/// Measures the images of the journal that it does not have yet, on rank 0 of the cluster. Exceptions end the run and
/// are passed on. Returns whether all images are done.
bool measure_all(Journal& journal, std::size_t images, const Measure& measure, const cluster::Cluster& cluster,
                 const MeasureOptions& options);

/// The other ranks' part: measures what rank 0 hands out.
void help_measure(const Measure& measure, const cluster::Cluster& cluster, int threads);

}  // namespace locus::evaluate
