#include "train/data/photo_store.hpp"

#include <algorithm>
#include <exception>
#include <thread>

#include "image/decode.hpp"
#include "image/sample_depth.hpp"
#include "locus/error.hpp"

namespace locus::train {

PhotoStore::PhotoStore(std::vector<dataset::Sample> samples, const PhotoStoreOptions& options)
    : samples_(std::move(samples)), options_(options), kept_(samples_.size()), is_corrupt_(samples_.size()) {}

std::shared_ptr<const Image> PhotoStore::decode(std::size_t index, std::string* warning) {
    const dataset::Sample& sample = samples_[index];
    try {
        image::Photo photo = image::decode(dataset::read_bytes(sample), sample.name,
                                           {.reduce_to = options_.reduce_to, .sample_bits = options_.sample_bits});
        has_decoded_ = true;
        if (photo.has_16_bits) has_16_bits_ = true;
        if (warning != nullptr) *warning = std::move(photo.warning);
        return std::make_shared<const Image>(std::move(photo.image));
    } catch (const Error& error) {
        const std::scoped_lock lock(mutex_);
        if (!is_corrupt_[index]) corrupt_.push_back(error.what());
        is_corrupt_[index] = 1;
        return nullptr;
    }
}

void PhotoStore::fill() {
    std::atomic<std::size_t> next{0}, used{0};
    std::exception_ptr failure;
    const auto decode_some = [&] {
        for (std::size_t i = next++; i < samples_.size() && used < options_.memory; i = next++) {
            std::string warning;
            kept_[i] = decode(i, &warning);
            if (kept_[i]) used += kept_[i]->rgb.size();
            if (warning.empty()) continue;
            const std::scoped_lock lock(mutex_);
            warnings_.push_back(std::move(warning));
        }
    };
    const auto work = [&] {
        try {
            decode_some();
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            failure = std::current_exception();
            next = samples_.size();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 1; i < options_.threads; ++i) threads.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
}

std::shared_ptr<const Image> PhotoStore::photo(std::size_t index) {
    if (kept_[index]) return kept_[index];
    {
        const std::scoped_lock lock(mutex_);
        if (is_corrupt_[index]) return nullptr;
    }
    return decode(index);
}

std::vector<std::string> PhotoStore::corrupt() const {
    const std::scoped_lock lock(mutex_);
    return corrupt_;
}

std::vector<std::string> PhotoStore::warnings() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> sorted = warnings_;
    std::ranges::sort(sorted);
    if (options_.sample_bits != 0 && has_decoded_ && !has_16_bits_)
        sorted.push_back(image::bits_remark(options_.sample_bits));
    return sorted;
}

}  // namespace locus::train
