#include "cluster/cluster.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <optional>
#include <semaphore>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "cluster/message.hpp"
#include "locus/error.hpp"

#ifdef LOCUS_WITH_MPI
#include <mpi.h>
#endif

namespace locus::cluster {
namespace {

/// How mpirun tells its children that they are several (Open MPI, MPICH and Slurm's launcher).
[[maybe_unused]] bool started_by_mpirun() {
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"}) {
        if (std::getenv(variable) != nullptr) return true;
    }
    return false;
}

/// How many copies of this program the launcher says to have started for one job, Open MPI's or another's; 1 where
/// there is none. (Slurm's own variables do not tell a job from the shells and the separate jobs that it starts as
/// well.)
int copies_started() {
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
        if (const char* size = std::getenv(variable)) return std::max(1, std::atoi(size));
    }
    return 1;
}

/// The units of a run in their order, taken by whoever is free. None is given out while `ahead` of them were begun
/// since the oldest that is not finished. That one is being worked on, so what waits here goes on when it ends.
class Units {
public:
    Units(const std::vector<Unit>& units, std::size_t ahead, const std::atomic<bool>* stop)
        : units_(units), ahead_(std::max<std::size_t>(ahead, 1)), stop_(stop), is_finished_(units.size()) {}

    /// The next unit, waited for; nullptr: there are no more.
    const Unit* next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_over() || may_begin(); });
        return take();
    }

    /// The next unit, or nullptr where there are no more; nullopt where it would have to be waited for.
    std::optional<const Unit*> next_now() {
        const std::lock_guard lock(mutex_);
        if (!is_over() && !may_begin()) return std::nullopt;
        return take();
    }

    void finish(const Unit& unit) {
        const std::lock_guard lock(mutex_);
        is_finished_[static_cast<std::size_t>(&unit - units_.data())] = true;
        while (oldest_ < begun_ && is_finished_[oldest_]) ++oldest_;
        changed_.notify_all();
    }

    /// No more units are given out.
    void fail() {
        const std::lock_guard lock(mutex_);
        failed_ = true;
        changed_.notify_all();
    }

private:
    bool is_over() const { return failed_ || (stop_ != nullptr && *stop_) || begun_ == units_.size(); }
    bool may_begin() const { return begun_ - oldest_ < ahead_; }
    const Unit* take() { return is_over() ? nullptr : &units_[begun_++]; }

    const std::vector<Unit>& units_;
    const std::size_t ahead_;
    const std::atomic<bool>* stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<bool> is_finished_;
    std::size_t begun_ = 0, oldest_ = 0;  ///< how many were given out, and the first that is not finished
    bool failed_ = false;
};

/// What came of the units, one at a time, and the first thing that went wrong.
class Collector {
public:
    Collector(Units& units, const Take& take) : units_(units), take_(take) {}

    void add(const Unit& unit, std::string text) {
        const std::lock_guard lock(mutex_);
        if (failure_) return;
        try {
            take_(unit, std::move(text));
            units_.finish(unit);
        } catch (...) {
            failure_ = std::current_exception();
            units_.fail();
        }
    }
    void fail(std::exception_ptr reason) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(reason);
        units_.fail();
    }
    void rethrow() {
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    Units& units_;
    const Take& take_;
    std::mutex mutex_;
    std::exception_ptr failure_;
};

void do_units(Units& units, Collector& collector, const Work& work) {
    while (const Unit* unit = units.next()) {
        try {
            collector.add(*unit, work(*unit));
        } catch (...) {
            collector.fail(std::current_exception());
        }
    }
}

#ifdef LOCUS_WITH_MPI

/// A blocking call of MPI would spin on a core that others work on.
constexpr std::chrono::microseconds nap{300};

enum Tag : int { tag_free = 1, tag_unit, tag_done, tag_failure, tag_bye, tag_over };

std::string received_text(const MPI_Status& status) {
    int bytes = 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    std::string text(static_cast<std::size_t>(bytes), '\0');
    MPI_Recv(text.data(), bytes, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return text;
}

void send_text(const std::string& text, int rank, int tag) {
    MPI_Send(text.data(), static_cast<int>(text.size()), MPI_BYTE, rank, tag, MPI_COMM_WORLD);
}

std::optional<MPI_Status> waiting(int source) {
    MPI_Status status;
    int is_there = 0;
    MPI_Iprobe(source, MPI_ANY_TAG, MPI_COMM_WORLD, &is_there, &status);
    return is_there != 0 ? std::optional(status) : std::nullopt;
}

/// What went wrong, for sending: its kind and its sentence.
std::string packed(const std::exception_ptr& failure) {
    ErrorKind kind = ErrorKind::io;
    std::string text = "an error of no known kind";
    try {
        std::rethrow_exception(failure);
    } catch (const Error& error) {
        kind = error.kind();
        text = error.what();
    } catch (const std::bad_alloc&) {
        kind = ErrorKind::resource;
        text = "memory does not suffice";
    } catch (const std::exception& error) {
        text = error.what();
    } catch (...) {  // NOLINT(bugprone-empty-catch): the text says so
    }
    return pack({std::to_string(static_cast<int>(kind)), text});
}

Error unpacked_failure(const std::string& message, int rank) {
    const std::vector<std::string> parts = unpack(message);
    return {static_cast<ErrorKind>(std::stoi(parts.at(0))),
            rank == 0 ? parts.at(1) : fmt::format("rank {}: {}", rank, parts.at(1))};
}

/// Rank 0's part that talks: a rank that is free gets the next unit, or none, which is its end.
class Server {
public:
    Server(int ranks, Units& units, Collector& collector)
        : units_(units), collector_(collector), given_(static_cast<std::size_t>(ranks)), present_(ranks - 1) {}

    void run() {
        while (present_ > 0) {
            try {
                answer();
                if (const auto status = waiting(MPI_ANY_SOURCE))
                    hear(*status);
                else
                    std::this_thread::sleep_for(nap);
            } catch (...) {  // the others wait for answers: they are told that there is no more
                collector_.fail(std::current_exception());
            }
        }
        for (std::size_t rank = 1; rank < given_.size(); ++rank) send_text("", static_cast<int>(rank), tag_over);
    }

private:
    void answer() {
        while (!free_.empty()) {
            const auto unit = units_.next_now();
            if (!unit) break;
            std::vector<std::uint64_t> indices;
            if (*unit != nullptr) {
                indices.assign((*unit)->begin(), (*unit)->end());
                given_[static_cast<std::size_t>(free_.front())].push_back(*unit);
            }
            MPI_Send(indices.data(), static_cast<int>(indices.size()), MPI_UINT64_T, free_.front(), tag_unit,
                     MPI_COMM_WORLD);
            free_.pop_front();
        }
    }
    void hear(const MPI_Status& status) {
        const int rank = status.MPI_SOURCE, tag = status.MPI_TAG;
        const std::string text = received_text(status);
        if (tag == tag_bye) {
            --present_;
        } else if (tag == tag_done) {  // the number of the rank's unit, and what came of it
            const std::vector<std::string> parts = unpack(text);
            collector_.add(*given_[static_cast<std::size_t>(rank)].at(std::stoul(parts.at(0))), parts.at(1));
        } else if (tag == tag_failure) {
            collector_.fail(std::make_exception_ptr(unpacked_failure(text, rank)));
        } else {
            free_.push_back(rank);
        }
    }

    Units& units_;
    Collector& collector_;
    std::vector<std::deque<const Unit*>> given_;  ///< to each rank
    std::deque<int> free_;                        ///< ranks that asked and have no answer yet
    int present_;                                 ///< ranks that have not said goodbye
};

/// What the threads of another rank share with the one that talks.
struct Bench {
    struct Item {
        std::size_t number = 0;  ///< of the unit, as the rank got them
        Unit unit;
    };
    std::mutex mutex;
    std::counting_semaphore<> ready{0};
    std::deque<Item> todo;
    std::deque<std::pair<std::string, int>> messages;  ///< text and tag, for rank 0
    int busy = 0;                                      ///< units that were given and not sent back

    void run(const Work& work) {
        while (true) {
            ready.acquire();
            Item item;
            {
                const std::lock_guard lock(mutex);
                if (todo.empty()) return;  // the end
                item = std::move(todo.front());
                todo.pop_front();
            }
            std::pair<std::string, int> message;
            try {
                message = {pack({std::to_string(item.number), work(item.unit)}), tag_done};
            } catch (...) {
                message = {packed(std::current_exception()), tag_failure};
            }
            const std::lock_guard lock(mutex);
            messages.push_back(std::move(message));
        }
    }
    void give(Item item) {
        {
            const std::lock_guard lock(mutex);
            todo.push_back(std::move(item));
            ++busy;
        }
        ready.release();
    }
    /// The threads end with what they have in hand.
    void end(int threads) {
        {
            const std::lock_guard lock(mutex);
            todo.clear();
        }
        ready.release(threads);
    }
    /// A message to be sent. The unit that it tells of is over.
    std::optional<std::pair<std::string, int>> next_message() {
        const std::lock_guard lock(mutex);
        if (messages.empty()) return std::nullopt;
        auto message = std::move(messages.front());
        messages.pop_front();
        --busy;
        return message;
    }
    int in_flight() {
        const std::lock_guard lock(mutex);
        return busy;
    }
};

#endif

}  // namespace

#ifdef LOCUS_WITH_MPI

Cluster Cluster::join() {
    const int copies = copies_started();
    if (copies == 1 && !started_by_mpirun()) return alone();
    int provided = 0, rank = 0, size = 1;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    Cluster cluster{rank, size, true};
    if (size == 1 && copies > 1) {
        throw Error(
            ErrorKind::unsupported,
            fmt::format("this Locus was started {} times by a launcher that its MPI does not know, so that each "
                        "copy would do all of the work: start it with the mpirun of Open MPI",
                        copies));
    }
    if (provided < MPI_THREAD_FUNNELED) {
        throw Error(ErrorKind::unsupported,
                    "this MPI allows a process no threads: use one that grants MPI_THREAD_FUNNELED, or run without "
                    "mpirun");
    }
    MPI_Comm machine;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &cluster.neighbours_);
    MPI_Comm_free(&machine);
    return cluster;
}

Cluster::~Cluster() {
    if (joined_) MPI_Finalize();
}

std::string Cluster::broadcast(std::string text) const {
    if (size_ == 1) return text;
    std::uint64_t size = text.size();
    MPI_Bcast(&size, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    text.resize(size);
    constexpr std::uint64_t at_once = std::uint64_t{1} << 30;  // MPI counts in int
    for (std::uint64_t sent = 0; sent < size; sent += at_once) {
        MPI_Bcast(text.data() + sent, static_cast<int>(std::min(at_once, size - sent)), MPI_BYTE, 0, MPI_COMM_WORLD);
    }
    return text;
}

void Cluster::agree(const std::exception_ptr& failure) const {
    if (size_ == 1) {
        if (failure) std::rethrow_exception(failure);
        return;
    }
    int first = failure ? rank_ : size_, first_of_all = size_;
    MPI_Allreduce(&first, &first_of_all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (first_of_all == size_) return;
    std::string message = failure ? packed(failure) : "";
    if (first_of_all != 0) {  // rank 0 learns it first, and tells the others
        if (rank_ == first_of_all) send_text(message, 0, tag_failure);
        if (rank_ == 0) {
            MPI_Status status;
            MPI_Probe(first_of_all, tag_failure, MPI_COMM_WORLD, &status);
            message = received_text(status);
        }
    }
    throw unpacked_failure(broadcast(message), first_of_all);
}

namespace {

/// The part of another rank that talks: asks rank 0 for units and gives them to the threads, until there are no more.
/// `asked`: an answer is still to come.
void fetch_units(Bench& bench, int threads, bool& asked) {
    std::size_t number = 0;
    bool more = true;
    while (more || bench.in_flight() > 0) {
        bool quiet = true;
        while (auto message = bench.next_message()) {
            send_text(message->first, 0, message->second);
            quiet = false;
        }
        if (more && !asked && bench.in_flight() < threads) {
            send_text("", 0, tag_free);
            asked = true;
            quiet = false;
        }
        if (const auto status = asked ? waiting(0) : std::nullopt) {
            int count = 0;
            MPI_Get_count(&*status, MPI_UINT64_T, &count);
            std::vector<std::uint64_t> indices(static_cast<std::size_t>(count));
            MPI_Recv(indices.data(), count, MPI_UINT64_T, 0, tag_unit, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            asked = quiet = false;
            more = !indices.empty();
            if (more) bench.give({number++, {indices.begin(), indices.end()}});
        }
        if (quiet) std::this_thread::sleep_for(nap);
    }
}

}  // namespace

void Cluster::work(const Work& work, int threads) const {
    Bench bench;
    const int width = std::max(threads, 1);
    bool asked = false;
    std::exception_ptr failure;
    {
        std::vector<std::jthread> pool;
        try {
            pool.reserve(static_cast<std::size_t>(width));
            for (int t = 0; t < width; ++t) pool.emplace_back([&] { bench.run(work); });
            fetch_units(bench, width, asked);
        } catch (...) {  // memory or threads ran out; the pool still waits for an end
            failure = std::current_exception();
        }
        bench.end(width);
    }
    if (failure) {
        send_text(packed(failure), 0, tag_failure);
        // Rank 0 gives nobody anything from here on, but answers what was asked.
        if (asked) {
            MPI_Status status;
            MPI_Probe(0, tag_unit, MPI_COMM_WORLD, &status);
            received_text(status);
        }
    }
    send_text("", 0, tag_bye);
    // Else the first question of the next deal would be heard, and answered, in this one.
    while (!waiting(0)) std::this_thread::sleep_for(nap);
    MPI_Recv(nullptr, 0, MPI_BYTE, 0, tag_over, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

#else

Cluster Cluster::join() {
    if (copies_started() > 1) {
        throw Error(ErrorKind::unsupported,
                    "this Locus was built without MPI: run it once, without mpirun, or build it with "
                    "-DLOCUS_MPI=ON");
    }
    return alone();
}

Cluster::~Cluster() = default;

std::string Cluster::broadcast(std::string text) const { return text; }

void Cluster::agree(const std::exception_ptr& failure) const {
    if (failure) std::rethrow_exception(failure);
}

void Cluster::work(const Work&, int) const {}

#endif

int Cluster::cores() const {
    const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    cpu_set_t allowed;
    const int own = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : all;
    return std::max(1, own < all ? own : all / neighbours_);
}

void Cluster::deal(const std::vector<Unit>& all, const Work& work, int threads, const std::atomic<bool>* stop,
                   const Take& take, std::size_t ahead) const {
    Units units(all, ahead, stop);
    Collector collector(units, take);
    {
        std::vector<std::jthread> pool;
        const bool talks = size_ > 1;  // MPI is called by this thread alone
        for (int t = talks ? 0 : 1; t < std::max(threads, 1); ++t)
            pool.emplace_back([&] { do_units(units, collector, work); });
#ifdef LOCUS_WITH_MPI
        if (talks) Server(size_, units, collector).run();
#endif
        if (!talks) do_units(units, collector, work);
    }
    collector.rethrow();
}

}  // namespace locus::cluster
