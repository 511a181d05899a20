#pragma once

/// How good a network is on data it has not been trained on, whichever engine runs it.
///
///     train::Answer by_runtime = [&](const Tensor& x) { return session.run({{"input", x}}, {"logits", "features"}); };
///     train::ValidationResult result = train::validate(by_runtime, photos, threads, options);
///     result.top1;

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evaluate/truth/truth.hpp"
#include "train/data/photo_store.hpp"
#include "train/engine_threads.hpp"

namespace locus::train {

/// A network as validation sees it: photos [n, 3, size, size] to scores [n, classes] and, where localization is wanted,
/// the pooled map [n, K, h, w]. Called from several threads.
using Answer = std::function<std::vector<Tensor>(const Tensor& photos)>;

/// Thresholds at which localization is measured: 0, 0.05, … 0.95 of the map's maximum.
constexpr std::size_t threshold_count = 20;
inline double validation_threshold(std::size_t i) { return 0.05 * static_cast<double>(i); }

struct ValidationResult {
    std::size_t images = 0;
    double loss = 0;            ///< mean cross entropy, without label smoothing; multi-label: binary, mean over classes
    double top1 = 0, top5 = 0;  ///< shares 0..1; multi-label: some true label is among the 1 or 5 highest scores
    /// GT-known: share whose box at 20 % of the map's maximum has IoU >= 0.5 with a true box.
    std::optional<double> localization;
    std::array<double, threshold_count> localization_at{};  ///< the same at each threshold; only with all_thresholds
    std::vector<std::size_t> class_images,
        class_right;  ///< per class: images, and how many have it as the highest score
};

struct ValidationOptions {
    int size = 64;  ///< pixels
    int batch = 64;
    Preprocessing preprocessing;
    bool multi_label = false;
    bool all_thresholds = false;
    /// Where ranks validate together, each takes every `ranks`th batch and `sum` adds numbers over all of them.
    std::size_t rank = 0, ranks = 1, classes = 0;
    std::function<void(std::vector<double>&)> sum;
    const evaluate::TruthList* boxes = nullptr;  ///< with `weights`: localization is measured
    Tensor weights;  ///< of the linear layer behind the pool, float32 [classes, K]; may be empty
};

ValidationResult validate(const Answer& network, PhotoStore& photos, EngineThreads& threads,
                          const ValidationOptions& options);

}  // namespace locus::train
