#pragma once

/// Many processes measuring the images of one run: `mpirun -n N locus evaluate ...`.
///
///     evaluate::Cluster cluster = evaluate::Cluster::join();        // alone where nobody started us with mpirun
///     if (cluster.rank() == 0) deal(cluster, units, ...); else work(cluster, ...);
///
/// Rank 0 deals: whoever is free asks for the next unit of images and sends its records back, so a slow image holds nobody up, and rank 0 alone keeps the
/// journal and makes the tables, in the order of the images: the same bytes for any number of ranks. Rank 0's threads measure as well.
///
/// A rank that dies ends the run (mpirun says which); the journal stays, and --resume completes it.

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "evaluate/image_record.hpp"

namespace locus::evaluate {

using Measure = std::function<std::vector<ImageRecord>(const std::vector<std::size_t>& indices)>;

class Cluster {
public:
    /// Joins the ranks that mpirun started; alone where it did not, or where Locus was built without MPI (then Error(unsupported) under mpirun).
    static Cluster join();
    /// This process and no other.
    static Cluster alone() { return {0, 1}; }
    ~Cluster();
    Cluster(Cluster&& other) noexcept : rank_(other.rank_), size_(other.size_), joined_(other.joined_) {
        other.joined_ = false;
    }
    Cluster& operator=(Cluster&&) = delete;

    /// Ends all ranks with this exit code.
    [[noreturn]] void abort(int code) const;

    int rank() const { return rank_; }
    int size() const { return size_; }

    /// On rank 0: hands out `units` to this process's `threads` and to the other ranks; `take` gets each unit's records, one call at a time. Returns when
    /// all are back, or, with `stop` set, those in flight. A failure anywhere is thrown here when the others have stopped.
    void deal(const std::vector<std::vector<std::size_t>>& units, const Measure& measure, int threads,
              const std::atomic<bool>* stop, const std::function<void(std::vector<ImageRecord>)>& take) const;

    /// On the other ranks: measures what rank 0 hands out, `threads` units at a time.
    void work(const Measure& measure, int threads) const;

private:
    Cluster(int rank, int size, bool joined = false) : rank_(rank), size_(size), joined_(joined) {}
    int rank_ = 0, size_ = 1;
    bool joined_ = false;  ///< MPI is to be left
};

}  // namespace locus::evaluate
