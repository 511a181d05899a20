#pragma once

/// Batches made ahead of the engine on worker threads, in a fixed order.
///
///     train::BatchLoader loader(make, batches, {.threads = 2, .ahead = 6});
///     while (std::optional<train::Batch> batch = loader.next()) train_on(*batch);
///     loader.seconds_waited();   // what the engine lost to data

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace locus::train {

/// Photos ready for the network.
struct Batch {
    int count = 0;
    int size = 0;                        ///< pixels a side
    std::vector<float> images;           ///< [count, 3, size, size]
    std::vector<std::int64_t> labels;    ///< [count]; empty for multi-label sets
    std::vector<float> targets;          ///< [count, classes]: multi-label or mixed
    std::vector<std::uint32_t> samples;  ///< [count]: which these are
    std::vector<int> groups;             ///< photos of each group of normalisation, one after another
};

struct BatchLoaderOptions {
    int threads = 1;
    int ahead = 6;  ///< batches that may wait
};

class BatchLoader {
public:
    /// `make(i)` makes batch i of 0 ... count - 1 and is called from several threads. Throws Error(usage) for less than
    /// one thread, or one batch ahead.
    BatchLoader(std::function<Batch(std::size_t)> make, std::size_t count, const BatchLoaderOptions& options = {});
    ~BatchLoader();
    BatchLoader(const BatchLoader&) = delete;
    BatchLoader& operator=(const BatchLoader&) = delete;

    /// The next batch in order; nothing after the last. Rethrows what `make` threw.
    std::optional<Batch> next();

    double seconds_waited() const { return waited_; }

private:
    void work();

    std::function<Batch(std::size_t)> make_;
    std::size_t count_, taken_ = 0, started_ = 0, ahead_;
    std::map<std::size_t, Batch> ready_;
    std::exception_ptr failure_;
    bool stop_ = false;
    double waited_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::thread> threads_;
};

}  // namespace locus::train
