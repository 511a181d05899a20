#pragma once

/// The threads that compute. Each runs LibTorch single-threaded on a part of its own: on a shared machine two such
/// threads lose nothing to each other, while LibTorch's own threads wait for one another in every operator.
///
///     train::EngineThreads threads(2);
///     threads.run(4, [&](std::size_t group) { ... });   // returns when all four are done

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace locus::train {

class EngineThreads {
public:
    /// `count` 0: one a core.
    explicit EngineThreads(int count);
    ~EngineThreads();
    EngineThreads(const EngineThreads&) = delete;
    EngineThreads& operator=(const EngineThreads&) = delete;

    int count() const { return static_cast<int>(threads_.size()); }

    /// Calls `task(i)` for i in 0 ... tasks - 1, each once. Rethrows the first exception.
    void run(std::size_t tasks, const std::function<void(std::size_t)>& task);

private:
    void work();

    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable changed_, done_;
    const std::function<void(std::size_t)>* task_ = nullptr;
    std::size_t tasks_ = 0, next_ = 0, running_ = 0;
    std::exception_ptr failure_;
    bool stop_ = false;
};

}  // namespace locus::train
