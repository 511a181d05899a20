#include "train/data/batch_maker.hpp"

#include <algorithm>
#include <cmath>

namespace locus::train {

namespace {

/// The logarithm of a number from the gamma distribution of shape `a` (Marsaglia and Tsang 2000); small shapes
/// underflow without it.
double log_gamma_variate(double a, Random& random) {
    if (a < 1) {
        const double larger = log_gamma_variate(a + 1, random);
        return larger + std::log(1 - random.uniform()) / a;
    }
    const double d = a - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    while (true) {
        const double x = random.normal(), root = 1 + c * x;
        if (root <= 0) continue;
        const double v = root * root * root, u = 1 - random.uniform();
        if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v);
    }
}

/// From Beta(alpha, alpha), of the two shares the larger: the photo whose turn it is stays the main one.
double main_share(double alpha, Random& random) {
    const double a = log_gamma_variate(alpha, random), b = log_gamma_variate(alpha, random);
    const double share = 1 / (1 + std::exp(b - a));
    return std::max(share, 1 - share);
}

}  // namespace

std::vector<Range> groups_of(std::size_t count, std::size_t group_size, RankShare share) {
    const std::size_t size = std::max<std::size_t>(1, std::min(group_size, count));
    const std::size_t groups = std::max<std::size_t>(1, count / size);
    const auto rank = static_cast<std::size_t>(share.rank), ranks = static_cast<std::size_t>(share.ranks);
    std::vector<Range> ranges;
    for (std::size_t g = 0; g < groups; ++g) {
        const std::size_t begin = g * size, members = (g + 1 == groups ? count : begin + size) - begin;
        ranges.push_back({begin + members * rank / ranks, begin + members * (rank + 1) / ranks});
    }
    return ranges;
}

BatchMaker::BatchMaker(const TrainOptions& options, TrainingData& data, RankShare share)
    : options_(&options), data_(&data), share_(share) {}

std::size_t BatchMaker::steps_per_epoch() const {
    const std::size_t n = data_->photos->samples().size();
    const std::size_t each = static_cast<std::size_t>(options_->batch) * static_cast<std::size_t>(share_.ranks);
    // What is left over at an epoch's end is trained on where it fills a group of normalisation.
    return std::max<std::size_t>(1, n / each + (n % each >= static_cast<std::size_t>(options_->norm_batch) ? 1 : 0));
}

std::size_t BatchMaker::most_groups() const {
    const std::size_t each = static_cast<std::size_t>(options_->batch) * static_cast<std::size_t>(share_.ranks);
    return groups_of(each, static_cast<std::size_t>(options_->norm_batch), share_).size();
}

std::vector<std::uint32_t> BatchMaker::order(int epoch) const {
    return shuffled(data_->photos->samples().size(), options_->seed, static_cast<std::uint64_t>(epoch));
}

/// False where the photo cannot be read.
bool BatchMaker::put(std::uint32_t sample, int epoch, int size, float* pixels) const {
    const std::shared_ptr<const Image> photo = data_->photos->photo(sample);
    if (!photo) return false;
    const auto turn = static_cast<std::uint64_t>(epoch);
    Random random(options_->seed, turn, sample);
    augment(*photo, options_->augmentation, is_flipped(options_->augmentation, options_->seed, turn, sample), size,
            options_->preprocessing, random, pixels);
    return true;
}

/// Mixup (Zhang et al. 2018): a share of another photo and of its labels is laid over this one.
void BatchMaker::mix(std::uint32_t sample, int epoch, int size, float* pixels, float* target) const {
    constexpr std::uint64_t purpose = 0x6D6978;  // a stream of its own
    Random random(options_->seed ^ purpose, static_cast<std::uint64_t>(epoch), sample);
    const auto partner = static_cast<std::uint32_t>(random.below(data_->photos->samples().size()));
    const auto share = static_cast<float>(main_share(options_->mixup, random));
    std::vector<float> other(static_cast<std::size_t>(3 * size) * static_cast<std::size_t>(size));
    if (!put(partner, epoch, size, other.data())) return;
    for (std::size_t i = 0; i < other.size(); ++i) pixels[i] = share * pixels[i] + (1 - share) * other[i];
    for (std::size_t c = 0; c < data_->classes.entries.size(); ++c) target[c] *= share;
    for (const int label : data_->photos->samples()[partner].labels) target[label] += 1 - share;
}

Batch BatchMaker::make(const std::vector<std::uint32_t>& order, int epoch, std::size_t step, int size) const {
    Batch batch;
    batch.size = size;
    const std::size_t each = static_cast<std::size_t>(options_->batch) * static_cast<std::size_t>(share_.ranks);
    const std::size_t first = step * each, count = std::min(order.size(), first + each) - first;
    const std::vector<Range> groups = groups_of(count, static_cast<std::size_t>(options_->norm_batch), share_);
    std::size_t photos = 0;
    for (const Range& group : groups) photos += group.end - group.begin;
    const std::size_t values = static_cast<std::size_t>(3 * size) * static_cast<std::size_t>(size);
    const std::size_t classes = data_->classes.entries.size();
    const bool soft = data_->multi_label || options_->mixup > 0;
    batch.images.resize(photos * values);
    for (const Range& group : groups) {
        const int before = batch.count;
        for (std::size_t i = group.begin; i < group.end; ++i) {
            const std::uint32_t sample = order[first + i];
            float* pixels = batch.images.data() + static_cast<std::size_t>(batch.count) * values;
            if (!put(sample, epoch, size, pixels)) continue;
            const std::vector<int>& labels = data_->photos->samples()[sample].labels;
            if (!data_->multi_label) batch.labels.push_back(labels[0]);
            if (soft) {
                batch.targets.resize(batch.targets.size() + classes);
                float* target = batch.targets.data() + batch.targets.size() - classes;
                for (const int label : labels) target[label] = 1;
                if (options_->mixup > 0) mix(sample, epoch, size, pixels, target);
            }
            batch.samples.push_back(sample);
            ++batch.count;
        }
        batch.groups.push_back(batch.count - before);
    }
    return batch;
}

}  // namespace locus::train
