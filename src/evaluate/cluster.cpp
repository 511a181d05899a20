#include "evaluate/cluster.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

#include <fmt/core.h>

#include "locus/error.hpp"

#ifdef LOCUS_WITH_MPI
#include <mpi.h>
#endif

namespace locus::evaluate {
namespace {

/// How mpirun tells its children that they are several (Open MPI, MPICH and Slurm's launcher).
bool started_by_mpirun() {
    for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMIX_RANK"}) {
        if (std::getenv(variable) != nullptr) return true;
    }
    return false;
}

/// The units of a run, taken by whoever is free.
class Units {
public:
    Units(const std::vector<std::vector<std::size_t>>& units, const std::atomic<bool>* stop)
        : units_(units), stop_(stop) {}

    const std::vector<std::size_t>* next() {
        if (failed || (stop_ != nullptr && *stop_)) return nullptr;
        const std::size_t i = next_++;
        return i < units_.size() ? &units_[i] : nullptr;
    }

    std::atomic<bool> failed{false};

private:
    const std::vector<std::vector<std::size_t>>& units_;
    const std::atomic<bool>* stop_;
    std::atomic<std::size_t> next_{0};
};

/// What several threads found, one at a time, and the first thing that went wrong.
struct Collector {
    const std::function<void(std::vector<ImageRecord>)>& take;
    std::mutex mutex;
    std::exception_ptr failure;

    void add(std::vector<ImageRecord> records) {
        const std::lock_guard lock(mutex);
        if (!failure) take(std::move(records));
    }
    void fail(std::exception_ptr reason) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::move(reason);
    }
};

void measure_units(Units& units, Collector& collector, const Measure& measure) {
    while (const std::vector<std::size_t>* unit = units.next()) {
        try {
            collector.add(measure(*unit));
        } catch (...) {
            collector.fail(std::current_exception());
            units.failed = true;
        }
    }
}

#ifdef LOCUS_WITH_MPI

enum Tag : int { tag_ask = 1, tag_unit, tag_records, tag_failure, tag_done };

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

std::vector<ImageRecord> records_of(const std::string& lines) {
    std::vector<ImageRecord> records;
    for (std::size_t begin = 0; begin < lines.size();) {
        const std::size_t end = lines.find('\n', begin);
        records.push_back(record_from_json(lines.substr(begin, end - begin)));
        begin = end + 1;
    }
    return records;
}

/// Answers the other ranks until each has said that it is done.
void serve(int ranks, Units& units, Collector& collector) {
    for (int busy = ranks - 1; busy > 0;) {
        MPI_Status status;
        int waiting = 0;
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &waiting, &status);
        if (waiting == 0) {  // a blocking receive would spin on a core that measures
            std::this_thread::sleep_for(std::chrono::microseconds(500));
            continue;
        }
        const std::string text = received_text(status);
        if (status.MPI_TAG == tag_done) {
            --busy;
        } else if (status.MPI_TAG == tag_records) {
            try {
                collector.add(records_of(text));
            } catch (...) {
                collector.fail(std::current_exception());
                units.failed = true;
            }
        } else if (status.MPI_TAG == tag_failure) {
            collector.fail(
                std::make_exception_ptr(Error(ErrorKind::io, fmt::format("Rank {}: {}", status.MPI_SOURCE, text))));
            units.failed = true;
        } else {
            const std::vector<std::size_t>* unit = units.next();
            std::vector<std::uint64_t> indices;
            if (unit != nullptr) indices.assign(unit->begin(), unit->end());
            MPI_Send(indices.data(), static_cast<int>(indices.size()), MPI_UINT64_T, status.MPI_SOURCE, tag_unit,
                     MPI_COMM_WORLD);
        }
    }
}

/// The next unit from rank 0; empty: no more.
std::vector<std::size_t> ask() {
    send_text("", 0, tag_ask);
    MPI_Status status;
    MPI_Probe(0, tag_unit, MPI_COMM_WORLD, &status);
    int count = 0;
    MPI_Get_count(&status, MPI_UINT64_T, &count);
    std::vector<std::uint64_t> indices(static_cast<std::size_t>(count));
    MPI_Recv(indices.data(), count, MPI_UINT64_T, 0, tag_unit, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return {indices.begin(), indices.end()};
}

#endif

}  // namespace

#ifdef LOCUS_WITH_MPI

Cluster Cluster::join() {
    if (!started_by_mpirun()) return {0, 1};
    int provided = 0, rank = 0, size = 1;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    return {rank, size, true};
}

Cluster::~Cluster() {
    if (!joined_) return;
    MPI_Finalize();
}

void Cluster::abort(int code) const {
    if (joined_) MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
}

void Cluster::work(const Measure& measure, int threads) const {
    for (bool more = true; more;) {
        std::vector<std::vector<std::size_t>> units;
        while (static_cast<int>(units.size()) < std::max(threads, 1)) {
            std::vector<std::size_t> unit = ask();
            if (unit.empty()) {
                more = false;
                break;
            }
            units.push_back(std::move(unit));
        }
        std::vector<std::string> lines;
        const std::function<void(std::vector<ImageRecord>)> keep = [&](std::vector<ImageRecord> records) {
            std::string text;
            for (const ImageRecord& record : records) text += to_json(record) + '\n';
            lines.push_back(std::move(text));
        };
        Collector collector{keep, {}, {}};
        Units local(units, nullptr);
        {
            std::vector<std::jthread> others;
            for (std::size_t t = 1; t < units.size(); ++t)
                others.emplace_back([&] { measure_units(local, collector, measure); });
            measure_units(local, collector, measure);
        }
        for (const std::string& text : lines) send_text(text, 0, tag_records);
        if (collector.failure) {
            try {
                std::rethrow_exception(collector.failure);
            } catch (const std::exception& error) {
                send_text(error.what(), 0, tag_failure);
            }
        }
    }
    send_text("", 0, tag_done);
}

#else

Cluster Cluster::join() {
    const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
    if (size != nullptr && std::atoi(size) > 1) {
        throw Error(ErrorKind::unsupported,
                    "This Locus was built without MPI: run it without mpirun, or build it with -DLOCUS_MPI=ON.");
    }
    return {0, 1};
}

Cluster::~Cluster() = default;

void Cluster::abort(int code) const { std::_Exit(code); }

void Cluster::work(const Measure&, int) const {}

#endif

void Cluster::deal(const std::vector<std::vector<std::size_t>>& all, const Measure& measure, int threads,
                   const std::atomic<bool>* stop, const std::function<void(std::vector<ImageRecord>)>& take) const {
    Units units(all, stop);
    Collector collector{take, {}, {}};
    {
        std::vector<std::jthread> workers;
        for (int t = 1; t < threads; ++t) workers.emplace_back([&] { measure_units(units, collector, measure); });
#ifdef LOCUS_WITH_MPI
        if (size_ > 1) {
            workers.emplace_back([&] { measure_units(units, collector, measure); });
            serve(size_, units, collector);
        } else {
            measure_units(units, collector, measure);
        }
#else
        measure_units(units, collector, measure);
#endif
    }
    if (collector.failure) std::rethrow_exception(collector.failure);
}

}  // namespace locus::evaluate
