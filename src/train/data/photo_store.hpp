#pragma once

/// Decoded photos, in memory as far as they fit.
///
///     train::PhotoStore store(list.samples, {.threads = 2});
///     store.fill();                           // decodes all that fit, on two threads
///     std::shared_ptr<const Image> photo = store.photo(17);   // null where the file is corrupt

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dataset/sample_list.hpp"
#include "locus/image.hpp"

namespace locus::train {

struct PhotoStoreOptions {
    std::size_t memory = std::size_t{4} << 30U;  ///< bytes of pixels to keep; what does not fit is decoded each time
    int reduce_to = 0;                           ///< this and the next as image::DecodeOptions has them
    int sample_bits = 0;
    int threads = 1;
};

class PhotoStore {
public:
    PhotoStore(std::vector<dataset::Sample> samples, const PhotoStoreOptions& options);

    /// Decodes photos in their order until the memory is used up. Throws std::bad_alloc where it does not suffice for
    /// one of them.
    void fill();

    /// The photo of a sample; null where it cannot be decoded (see `corrupt`). May be called from several threads.
    std::shared_ptr<const Image> photo(std::size_t index);

    const std::vector<dataset::Sample>& samples() const { return samples_; }

    /// Sentences that name the photos found to be corrupt so far.
    std::vector<std::string> corrupt() const;

    /// Those about photos that `fill` decoded and that may not be what was meant (image::Photo::warning), sorted; or that
    /// of sample_bits, where all of these have fewer than 16.
    std::vector<std::string> warnings() const;

    const PhotoStoreOptions& options() const { return options_; }

private:
    std::shared_ptr<const Image> decode(std::size_t index, std::string* warning = nullptr);

    std::vector<dataset::Sample> samples_;
    PhotoStoreOptions options_;
    std::vector<std::shared_ptr<const Image>> kept_;
    std::vector<char> is_corrupt_;
    std::vector<std::string> corrupt_, warnings_;
    std::atomic<bool> has_decoded_ = false, has_16_bits_ = false;  ///< a photo; of such samples
    mutable std::mutex mutex_;
};

}  // namespace locus::train
