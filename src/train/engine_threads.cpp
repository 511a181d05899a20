#include "train/engine_threads.hpp"

#include <algorithm>

#include <ATen/Parallel.h>

namespace locus::train {

EngineThreads::EngineThreads(int count) {
    const int wanted = count > 0 ? count : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    for (int i = 0; i < wanted; ++i) threads_.emplace_back([this] { work(); });
}

EngineThreads::~EngineThreads() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void EngineThreads::work() {
    at::set_num_threads(1);  // of this thread: OpenMP keeps the number for each
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stop_ || next_ < tasks_; });
        if (stop_) return;
        const std::size_t index = next_++;
        ++running_;
        lock.unlock();
        std::exception_ptr failure;
        try {
            (*task_)(index);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure && !failure_) {
            failure_ = failure;
            next_ = tasks_;
        }
        if (--running_ == 0 && next_ >= tasks_) done_.notify_all();
    }
}

void EngineThreads::run(std::size_t tasks, const std::function<void(std::size_t)>& task) {
    std::unique_lock lock(mutex_);
    task_ = &task;
    tasks_ = tasks;
    next_ = 0;
    failure_ = nullptr;
    changed_.notify_all();
    done_.wait(lock, [&] { return next_ >= tasks_ && running_ == 0; });
    tasks_ = next_ = 0;
    if (failure_) std::rethrow_exception(failure_);
}

}  // namespace locus::train
