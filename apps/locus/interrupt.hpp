#pragma once

/// How a long run is ended from outside, and how it works among other ranks.

#include <atomic>
#include <filesystem>
#include <functional>

#include "cluster/cluster.hpp"

namespace locus::command {

/// From now on the first Ctrl-C, SIGTERM or SIGHUP (the terminal is closed) that is not ignored sets the flag that is
/// returned, so that the network's passes in flight are finished and no more begin; the second one ends the process as it always does. Among several
/// ranks the process ends at once, saying how the run is completed: mpirun, which stops all when one has died, leaves
/// them a second. A reader of standard output that has gone (`| head`) does not end the run, whose results are files.
const std::atomic<bool>& stop_on_interrupt(const cluster::Cluster& cluster, const std::filesystem::path& out);

/// Does the job. What it throws is told by rank 0 alone, and before it leaves the others: mpirun ends the rest as soon
/// as one has ended with an error. On the others it becomes an exit code.
void on_rank(const cluster::Cluster& cluster, const std::function<void()>& job);

}  // namespace locus::command
