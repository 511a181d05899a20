#include "train/data/batch_maker.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "color_photos.hpp"

namespace locus::train {
namespace {

constexpr int side = 8;
constexpr std::size_t values = std::size_t{3} * side * side, classes = 3;

/// What a photo has become: its pixels and its target.
struct Shown {
    std::vector<float> pixels, target;
    bool operator==(const Shown&) const = default;
};

class Mixup : public testing::Test {
protected:
    void SetUp() override {
        test::write_colors(folder, "train", 5);
        options.data = {folder / "train"};
        options.mixup = 0.4;
        options.batch = 4;
        options.norm_batch = 4;
        options.image_size = side;
    }

    /// All photos of an epoch, by number.
    std::map<std::uint32_t, Shown> epoch(int number, const TrainOptions& how, RankShare share = {}) {
        TrainingData data = load_training_data(how, 1);
        const BatchMaker maker(how, data, share);
        const std::vector<std::uint32_t> order = maker.order(number);
        std::map<std::uint32_t, Shown> shown;
        for (std::size_t step = 0; step < maker.steps_per_epoch(); ++step) {
            const Batch batch = maker.make(order, number, step, side);
            for (std::size_t i = 0; i < batch.samples.size(); ++i) {
                const float *pixels = batch.images.data() + i * values, *target = batch.targets.data() + i * classes;
                shown[batch.samples[i]] = {{pixels, pixels + values}, {target, target + classes}};
            }
        }
        return shown;
    }

    test::ScratchFolder folder;
    TrainOptions options;
};

TEST_F(Mixup, DependsOnSeedEpochAndPhotoAlone) {
    options.batch = options.norm_batch = 5;  // all of 15 photos in three steps
    const auto once = epoch(2, options);
    ASSERT_EQ(once.size(), 15U);
    EXPECT_EQ(epoch(2, options), once);

    TrainOptions other = options;
    other.batch = other.norm_batch = 3;
    EXPECT_EQ(epoch(2, other), once) << "the batch's size does not matter";
    other.photo_memory = 0;
    EXPECT_EQ(epoch(2, other), once) << "nor whether photos are kept decoded";

    std::map<std::uint32_t, Shown> together;
    for (const int rank : {0, 1, 2}) together.merge(epoch(2, options, {.rank = rank, .ranks = 3}));
    EXPECT_EQ(together, once) << "nor how many ranks there are";

    const auto differing = [&](const std::map<std::uint32_t, Shown>& others) {
        return std::count_if(once.begin(), once.end(),
                             [&](const auto& one) { return others.at(one.first) != one.second; });
    };
    EXPECT_EQ(differing(epoch(3, options)), 15);
    other = options;
    other.seed = 2;
    EXPECT_EQ(differing(epoch(2, other)), 15);
}

TEST_F(Mixup, SharesOfTheTargetAreThoseOfThePixels) {
    options.batch = options.norm_batch = 5;
    options.augmentation = {.min_area = 1, .flip = false};
    options.preprocessing = {};
    const auto mixed = epoch(1, options);
    TrainOptions plain = options;
    plain.mixup = 0;
    TrainingData data = load_training_data(plain, 1);
    const BatchMaker maker(plain, data, {});
    // Without mixup each photo is one of 15 planes; with it, w * own + (1 - w) * another, w at least a half.
    std::vector<std::uint32_t> all(15);
    std::iota(all.begin(), all.end(), 0U);
    std::vector<std::vector<float>> planes;
    for (std::size_t step = 0; step < 3; ++step) {
        const Batch batch = maker.make(all, 1, step, side);
        for (std::size_t i = 0; i < 5; ++i)
            planes.emplace_back(batch.images.begin() + static_cast<std::ptrdiff_t>(i * values),
                                batch.images.begin() + static_cast<std::ptrdiff_t>((i + 1) * values));
    }
    int of_another_class = 0;
    for (const auto& [sample, shown] : mixed) {
        const int own = data.photos->samples()[sample].labels[0];
        EXPECT_NEAR(std::accumulate(shown.target.begin(), shown.target.end(), 0.0F), 1, 1e-6);
        const float share = shown.target[static_cast<std::size_t>(own)];
        EXPECT_GE(share, 0.5F);
        if (share == 1) continue;  // the partner is of the same class
        ++of_another_class;
        float least = 1;
        for (std::uint32_t other = 0; other < 15; ++other) {
            float most = 0;
            for (std::size_t i = 0; i < values; ++i) {
                const float expected = share * planes[sample][i] + (1 - share) * planes[other][i];
                most = std::max(most, std::abs(shown.pixels[i] - expected));
            }
            least = std::min(least, most);
        }
        EXPECT_LT(least, 1e-5) << "photo " << sample;
    }
    EXPECT_GT(of_another_class, 4);
}

}  // namespace
}  // namespace locus::train
