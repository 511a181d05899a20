#include "train/data/batch_loader.hpp"

#include <chrono>

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

BatchLoader::BatchLoader(std::function<Batch(std::size_t)> make, std::size_t count, const BatchLoaderOptions& options)
    : make_(std::move(make)), count_(count), ahead_(static_cast<std::size_t>(options.ahead)) {
    // Otherwise `next` would wait for what nobody makes.
    if (options.threads < 1 || options.ahead < 1) {
        throw Error(ErrorKind::usage,
                    fmt::format("batches need at least one thread that makes them and one that may wait, not {} and "
                                "{}",
                                options.threads, options.ahead));
    }
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
}

BatchLoader::~BatchLoader() {
    {
        const std::scoped_lock lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void BatchLoader::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stop_ || started_ >= count_ || started_ < taken_ + ahead_; });
        if (stop_ || started_ >= count_) return;
        const std::size_t index = started_++;
        lock.unlock();
        Batch batch;
        std::exception_ptr failure;
        try {
            batch = make_(index);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure) failure_ = failure;
        ready_.emplace(index, std::move(batch));
        changed_.notify_all();
    }
}

std::optional<Batch> BatchLoader::next() {
    std::unique_lock lock(mutex_);
    if (taken_ >= count_) return std::nullopt;
    const auto begin = std::chrono::steady_clock::now();
    changed_.wait(lock, [&] { return failure_ || ready_.contains(taken_); });
    waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (failure_) std::rethrow_exception(failure_);
    auto found = ready_.extract(taken_++);
    changed_.notify_all();
    return std::move(found.mapped());
}

}  // namespace locus::train
