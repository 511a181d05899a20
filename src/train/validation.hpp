#pragma once

/// How good a network is on data it has not been trained on.

#include <optional>
#include <string>

#include "dataset/box_list.hpp"
#include "train/engine_threads.hpp"
#include "train/executor.hpp"
#include "train/gap_head.hpp"
#include "train/photo_store.hpp"

namespace locus::train {

struct ValidationResult {
    double loss = 0;                     ///< mean cross entropy, without label smoothing
    double top1 = 0, top5 = 0;           ///< shares 0..1; multi-label: precision of the highest scores
    std::optional<double> localization;  ///< GT-known: share whose box at 20 % of the CAM's maximum has IoU >= 0.5
    std::size_t images = 0;
};

struct ValidationOptions {
    int size = 64;  ///< pixels
    int batch = 64;
    Preprocessing preprocessing;
    bool multi_label = false;
    std::string output = "logits";
};

/// Runs the network on all photos of the store; `boxes` and `head` give localization.
ValidationResult validate(const Executor& executor, PhotoStore& photos, EngineThreads& threads,
                          const ValidationOptions& options, const dataset::BoxList* boxes,
                          const std::optional<PooledHead>& head);

}  // namespace locus::train
