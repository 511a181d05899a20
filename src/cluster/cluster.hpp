#pragma once

/// Many processes at the images of one run: `mpirun -n N locus evaluate ...`, `mpirun -n N locus explain ...`.
///
///     cluster::Cluster cluster = cluster::Cluster::join();        // alone where nobody started us with mpirun
///     if (cluster.rank() == 0) cluster.deal(units, work, threads, &stop, take); else cluster.work(work, threads);
///
/// Rank 0 deals: whoever is free gets the next unit of images and sends back a text that says what came of it, so a
/// slow image holds nobody up, and rank 0 alone keeps the journal and makes the tables, in the order of the images: the
/// same bytes for any number of ranks. Rank 0's own threads work as well.
///
/// A rank that dies ends the run: mpirun says which, and stops the others. The journal stays, and --resume completes
/// it.

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace locus::cluster {

/// Images that are done together, by their numbers.
using Unit = std::vector<std::size_t>;
/// What is done with a unit, on several threads at once, and what came of it.
using Work = std::function<std::string(const Unit& unit)>;
/// Gets each unit's text on rank 0, one call at a time, in any order.
using Take = std::function<void(const Unit& unit, std::string text)>;

class Cluster {
public:
    /// Joins the ranks that mpirun started; alone where it did not. Throws Error(unsupported) under mpirun where Locus
    /// was built without MPI, or with one that allows no threads.
    static Cluster join();
    /// This process and no other.
    static Cluster alone() { return {0, 1, false}; }
    ~Cluster();
    Cluster(Cluster&& other) noexcept
        : rank_(other.rank_), size_(other.size_), neighbours_(other.neighbours_), joined_(other.joined_) {
        other.joined_ = false;
    }
    Cluster& operator=(Cluster&&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    /// Cores for this rank's threads: those that mpirun bound it to, else its share of the machine's.
    int cores() const;

    /// Rank 0's text, on every rank.
    std::string broadcast(std::string text) const;

    /// Called by all ranks when they are ready to work, with what went wrong or nothing. Where any rank failed, all
    /// throw: the error of the first that did, so that nobody waits for somebody who left.
    void agree(const std::exception_ptr& failure) const;

    /// On rank 0: hands out `units` to this process's `threads` and to the other ranks. Returns when all are back, or,
    /// with `stop` set, those in flight. A failure anywhere is thrown here when the others have stopped, one of another
    /// rank as an Error of the same kind that names it. Units are begun in their order, and no more than `ahead` of
    /// them since the oldest that is not finished: what `take` has to keep until that one comes is bounded.
    void deal(const std::vector<Unit>& units, const Work& work, int threads, const std::atomic<bool>* stop,
              const Take& take, std::size_t ahead = std::numeric_limits<std::size_t>::max()) const;

    /// On the other ranks: does what rank 0 hands out, on `threads`, until there is no more.
    void work(const Work& work, int threads) const;

private:
    Cluster(int rank, int size, bool joined) : rank_(rank), size_(size), joined_(joined) {}
    int rank_ = 0, size_ = 1;
    int neighbours_ = 1;   ///< ranks on this machine, itself included
    bool joined_ = false;  ///< MPI is to be left
};

}  // namespace locus::cluster
