#pragma once

/// An epoch's photos, dealt out to steps, groups of normalisation and ranks, and made ready for the network.
///
///     train::BatchMaker maker(options, data, {.rank = 0, .ranks = 2});
///     const auto order = maker.order(epoch);
///     train::Batch batch = maker.make(order, epoch, step, 64);   // this rank's part of the step's photos
///
/// A step takes `batch` photos for each rank, one after another in the epoch's order, and cuts them into groups of
/// `norm_batch`, what is left over going to the last. Each rank takes its part of every group, so that the groups are
/// the same however many ranks there are. What a photo becomes depends on (seed, epoch, photo) alone.

#include <cstdint>
#include <vector>

#include "train/data/batch_loader.hpp"
#include "train/data/training_data.hpp"
#include "train/options.hpp"

namespace locus::train {

/// Which part of each group a rank takes.
struct RankShare {
    int rank = 0, ranks = 1;
};

/// Positions begin ... end - 1.
struct Range {
    std::size_t begin = 0, end = 0;
};

/// A rank's positions in each group of a step of `count` photos.
std::vector<Range> groups_of(std::size_t count, std::size_t group_size, RankShare share);

class BatchMaker {
public:
    /// `options` and `data` are kept.
    BatchMaker(const TrainOptions& options, TrainingData& data, RankShare share);

    std::size_t steps_per_epoch() const;
    std::vector<std::uint32_t> order(int epoch) const;
    /// May be called from several threads.
    Batch make(const std::vector<std::uint32_t>& order, int epoch, std::size_t step, int size) const;
    /// Most groups that a step has.
    std::size_t most_groups() const;

private:
    bool put(std::uint32_t sample, int epoch, int size, float* pixels) const;
    void mix(std::uint32_t sample, int epoch, int size, float* pixels, float* target) const;

    const TrainOptions* options_;
    TrainingData* data_;
    RankShare share_;
};

}  // namespace locus::train
