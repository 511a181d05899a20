/// Each metric against a direct, slow computation of its definition.

#include "evaluate/metrics/faithfulness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "evaluate/metrics/imputation.hpp"
#include "evaluate/metrics/similarity.hpp"
#include "locus/boxes.hpp"
#include "locus/error.hpp"
#include "support/direct_blur.hpp"

namespace locus::evaluate {
namespace {

constexpr int channels = 2, height = 6, width = 8, pixels = height * width;

Tensor random_input(unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    std::vector<float> values(channels * pixels);
    for (float& v : values) v = value(random);
    return Tensor::of<float>({1, channels, height, width}, std::span<const float>(values));
}

Map random_map(int w, int h, unsigned seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> value;
    Map map{w, h, std::vector<float>(static_cast<std::size_t>(w * h))};
    for (float& v : map.values) v = value(random);
    return map;
}

/// A "network": the logistic function of a weighted sum.
double confidence_of(std::span<const float> image) {
    double sum = 0.3;
    for (std::size_t i = 0; i < image.size(); ++i) sum += image[i] * 0.2 * std::sin(static_cast<double>(i));
    return 1 / (1 + std::exp(-sum));
}

std::vector<double> confidences_of(const Tensor& inputs) {
    std::vector<double> result;
    const auto values = inputs.values<float>();
    for (std::int64_t i = 0; i < inputs.shape()[0]; ++i)
        result.push_back(
            confidence_of(values.subspan(static_cast<std::size_t>(i) * channels * pixels, channels * pixels)));
    return result;
}

/// Pixels by the map at the input's size, greatest first.
std::vector<int> order_of(const Map& map) {
    const Map full = upsample(map, width, height);
    std::vector<int> order(pixels);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
        const float va = full.values[static_cast<std::size_t>(a)], vb = full.values[static_cast<std::size_t>(b)];
        return va != vb ? va > vb : a < b;
    });
    return order;
}

TEST(Drop, IsTheConfidenceLostUnderTheMap) {
    int increases = 0;
    for (unsigned seed = 0; seed < 20; ++seed) {
        const Tensor x = random_input(seed);
        const Map map = random_map(3, 2, seed + 100);
        Faithfulness f(confidences_of, x, map);
        std::vector<float> masked(x.values<float>().begin(), x.values<float>().end());
        const Map full = upsample(map, width, height);
        for (int i = 0; i < channels * pixels; ++i)
            masked[static_cast<std::size_t>(i)] *= full.values[static_cast<std::size_t>(i % pixels)];
        const double y = confidence_of(x.values<float>()), o = confidence_of(masked);
        EXPECT_NEAR(f.drop(), std::max(0.0, y - o) / y, 1e-12) << seed;
        EXPECT_EQ(f.increase(), o > y ? 1 : 0) << seed;
        increases += o > y ? 1 : 0;
    }
    EXPECT_GT(increases, 2);  // both happen
    EXPECT_LT(increases, 18);
}

TEST(Drop, AMapOfOnesLosesNothing) {
    Faithfulness f(confidences_of, random_input(3), Map{1, 1, {1}});
    EXPECT_EQ(f.drop(), 0.0);
    EXPECT_EQ(f.increase(), 0);
}

TEST(Drop, IsNoNumberWhereAConfidenceIsNone) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const auto answering = [](double full, double masked) {
        return [=, calls = 0](const Tensor&) mutable { return std::vector<double>{calls++ == 0 ? full : masked}; };
    };
    for (const auto& [full, masked] : {std::pair{0.5, nan}, {nan, 0.5}, {nan, nan}}) {
        Faithfulness f(answering(full, masked), random_input(3), Map{1, 1, {1}});
        EXPECT_TRUE(std::isnan(f.drop())) << full << ' ' << masked;
        EXPECT_TRUE(std::isnan(f.increase())) << full << ' ' << masked;
    }
}

TEST(Deletion, SetsPixelsToZeroInTheMapsOrder) {
    const Tensor x = random_input(4);
    const Map map = random_map(8, 6, 5);
    for (const std::size_t batch : {1U, 4U, 100U}) {
        Faithfulness f(confidences_of, x, map, {.steps = 7, .batch = batch});
        const std::vector<double> curve = f.deletion();
        ASSERT_EQ(curve.size(), 8U);
        const std::vector<int> order = order_of(map);
        for (int step = 0; step <= 7; ++step) {
            std::vector<float> image(x.values<float>().begin(), x.values<float>().end());
            for (int k = 0; k < pixels * step / 7; ++k) {
                for (int c = 0; c < channels; ++c)
                    image[static_cast<std::size_t>(c * pixels + order[static_cast<std::size_t>(k)])] = 0;
            }
            EXPECT_NEAR(curve[static_cast<std::size_t>(step)], confidence_of(image), 1e-12) << step;
        }
    }
}

TEST(Insertion, SetsPixelsOfTheBlurredImageInTheMapsOrder) {
    const Tensor x = random_input(6);
    const Map map = random_map(4, 3, 7);
    const auto image = x.values<float>();
    const std::vector<float> blurred = test::blurred_directly(image, channels, height, width);
    const std::vector<int> order = order_of(map);
    for (const std::size_t batch : {1U, 4U, 100U}) {
        Faithfulness f(confidences_of, x, map, {.steps = 7, .batch = batch});
        const std::vector<double> curve = f.insertion();
        ASSERT_EQ(curve.size(), 8U);
        for (int step = 0; step <= 7; ++step) {
            std::vector<float> mixed = blurred;
            for (int k = 0; k < pixels * step / 7; ++k) {
                for (int c = 0; c < channels; ++c) {
                    const auto at = static_cast<std::size_t>(c * pixels + order[static_cast<std::size_t>(k)]);
                    mixed[at] = image[at];
                }
            }
            EXPECT_NEAR(curve[static_cast<std::size_t>(step)], confidence_of(mixed), 1e-6) << step;
        }
        EXPECT_NEAR(curve.back(), confidence_of(image), 1e-12);
    }
}

TEST(AreaUnder, IsTheTrapezoidalRule) {
    EXPECT_DOUBLE_EQ(area_under({0, 1}), 0.5);
    EXPECT_DOUBLE_EQ(area_under({1, 0.5, 0.2}), (0.75 + 0.35) / 2);
    EXPECT_THROW(area_under({1}), Error);
}

/// The system of equations by Gaussian elimination.
std::vector<float> imputed_directly(const std::vector<float>& image, const std::vector<bool>& removed) {
    const auto weight = [](int dx, int dy) { return dx * dx + dy * dy == 1 ? 1.0 / 6 : 1.0 / 12; };
    std::vector<std::vector<double>> a(pixels, std::vector<double>(pixels + channels));
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const int i = y * width + x;
            auto& row = a[static_cast<std::size_t>(i)];
            if (!removed[static_cast<std::size_t>(i)]) {
                row[static_cast<std::size_t>(i)] = 1;
                for (int c = 0; c < channels; ++c)
                    row[static_cast<std::size_t>(pixels + c)] = image[static_cast<std::size_t>(c * pixels + i)];
                continue;
            }
            for (int dy = -1; dy <= 1; ++dy) {
                for (int dx = -1; dx <= 1; ++dx) {
                    if ((dx == 0 && dy == 0) || x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height)
                        continue;
                    row[static_cast<std::size_t>(i)] += weight(dx, dy);
                    row[static_cast<std::size_t>(i + dy * width + dx)] -= weight(dx, dy);
                }
            }
        }
    }
    for (std::size_t k = 0; k < pixels; ++k) {
        for (std::size_t r = 0; r < pixels; ++r) {
            if (r == k || a[r][k] == 0) continue;
            const double factor = a[r][k] / a[k][k];
            for (std::size_t c = k; c < pixels + channels; ++c) a[r][c] -= factor * a[k][c];
        }
    }
    std::vector<float> result(image.size());
    for (std::size_t i = 0; i < pixels; ++i) {
        for (std::size_t c = 0; c < channels; ++c)
            result[c * pixels + i] = static_cast<float>(a[i][pixels + c] / a[i][i]);
    }
    return result;
}

TEST(Imputation, SolvesTheSystemOfNeighbours) {
    std::mt19937 random(8);
    const Tensor x = random_input(9);
    const std::vector<float> image(x.values<float>().begin(), x.values<float>().end());
    for (const int percent : {5, 40, 90}) {
        std::vector<bool> removed(pixels);
        for (std::size_t i = 0; i < pixels; ++i) removed[i] = random() % 100 < static_cast<unsigned>(percent);
        removed[3] = false;
        const std::vector<float> filled = impute(image, removed, channels, height, width);
        EXPECT_THAT(filled, testing::Pointwise(testing::FloatNear(1e-5F), imputed_directly(image, removed))) << percent;
    }
}

TEST(Imputation, NothingRemovedAndEverythingRemoved) {
    const std::vector<float> image(channels * pixels, 3.0F);
    EXPECT_EQ(impute(image, std::vector<bool>(pixels, false), channels, height, width), image);
    EXPECT_THAT(impute(image, std::vector<bool>(pixels, true), channels, height, width), testing::Each(0.0F));
}

TEST(Road, IsHalfTheDifferenceOfTheTwoOrders) {
    const Tensor x = random_input(10);
    const Map map = random_map(8, 6, 11);
    Faithfulness f(confidences_of, x, map, {.noise = 0});
    const std::vector<float> image(x.values<float>().begin(), x.values<float>().end());
    const std::vector<int> order = order_of(map);
    double sum = 0;
    for (int percent = 10; percent <= 90; percent += 10) {
        const int count = pixels * percent / 100;
        std::vector<bool> most(pixels), least(pixels);
        for (int k = 0; k < count; ++k) {
            most[static_cast<std::size_t>(order[static_cast<std::size_t>(k)])] = true;
            least[static_cast<std::size_t>(order[static_cast<std::size_t>(pixels - 1 - k)])] = true;
        }
        sum += (confidence_of(imputed_directly(image, least)) - confidence_of(imputed_directly(image, most))) / 2;
    }
    EXPECT_NEAR(f.road(), sum / 9, 1e-5);
}

TEST(Road, NoiseIsOnWhatIsFilledInAlone) {
    const Tensor x = random_input(14);
    const Map map = random_map(8, 6, 15);
    const auto inputs_with = [&](double noise) {
        std::vector<float> seen;
        const auto record = [&](const Tensor& inputs) {
            seen.insert(seen.end(), inputs.values<float>().begin(), inputs.values<float>().end());
            return confidences_of(inputs);
        };
        Faithfulness(record, x, map, {.noise = noise}).road();
        return seen;
    };
    const std::vector<float> clean = inputs_with(0), noisy = inputs_with(0.01);
    ASSERT_EQ(noisy.size(), 18U * channels * pixels);  // nine percentages, least and most relevant first
    ASSERT_EQ(clean.size(), noisy.size());
    const std::vector<int> order = order_of(map);
    double sum = 0, squares = 0;
    int count = 0;
    for (std::size_t n = 0; n < 18; ++n) {
        const std::size_t removed = pixels * (n / 2 * 10 + 10) / 100;
        for (std::size_t k = 0; k < pixels; ++k) {
            const auto pixel = static_cast<std::size_t>(order[n % 2 == 1 ? k : pixels - 1 - k]);
            for (std::size_t c = 0; c < channels; ++c) {
                const std::size_t at = n * channels * pixels + c * pixels + pixel;
                const double added = static_cast<double>(noisy[at]) - static_cast<double>(clean[at]);
                if (k >= removed) {
                    EXPECT_EQ(noisy[at], x.values<float>()[c * pixels + pixel]);
                    continue;
                }
                sum += added;
                squares += added * added;
                ++count;
            }
        }
    }
    // Some 850 draws of deviation 0.01: their mean lies within 0.0004 of 0, their deviation within 2.5 %, two times of
    // three.
    EXPECT_NEAR(sum / count, 0, 0.002);
    EXPECT_NEAR(std::sqrt(squares / count), 0.01, 0.001);
}

TEST(Road, NoiseDependsOnTheSeedAlone) {
    const Tensor x = random_input(12);
    const Map map = random_map(8, 6, 13);
    const auto road = [&](std::uint64_t seed) { return Faithfulness(confidences_of, x, map, {.seed = seed}).road(); };
    EXPECT_EQ(road(1), road(1));
    EXPECT_NE(road(1), road(2));
}

TEST(Faithfulness, RefusesInputsThatAreNoImages) {
    EXPECT_THROW(Faithfulness(confidences_of, Tensor::of<float>({1, 2, 2}, {1, 2, 3, 4}), Map{1, 1, {1}}), Error);
    EXPECT_THROW(Faithfulness(confidences_of, Tensor::of<std::uint8_t>({1, 1, 1, 1}, {1}), Map{1, 1, {1}}), Error);
}

TEST(RankCorrelation, SeesOrderOnly) {
    const std::vector<float> a{1, 2, 3, 4}, up{1, 10, 11, 200}, down{9, 7, 5, 3}, flat{1, 1, 1, 1}, ties{1, 2, 2, 3};
    EXPECT_DOUBLE_EQ(rank_correlation(a, up), 1.0);
    EXPECT_DOUBLE_EQ(rank_correlation(a, down), -1.0);
    EXPECT_EQ(rank_correlation(a, flat), 0.0);
    EXPECT_TRUE(std::isnan(rank_correlation(a, std::vector<float>{1, std::nanf(""), 3, 4})));
    // Ranks 0, 1.5, 1.5, 3 against 0 ... 3: 4.5 / sqrt(5 * 4.5).
    EXPECT_NEAR(rank_correlation(a, ties), 4.5 / std::sqrt(5 * 4.5), 1e-12);
}

TEST(StructuralSimilarity, OfAMapWithItselfIsOne) {
    const Map a = random_map(20, 15, 14), b = random_map(20, 15, 15);
    EXPECT_NEAR(structural_similarity(a, a), 1.0, 1e-12);
    EXPECT_LT(structural_similarity(a, b), 0.5);
    EXPECT_THROW(structural_similarity(a, random_map(15, 20, 1)), Error);
}

}  // namespace
}  // namespace locus::evaluate
