/// Localization metrics against clovaai/wsolevaluation's own evaluators on 120 maps (tests/data/wsol.npz).

#include <gtest/gtest.h>

#include "evaluate/metrics/box_accuracy.hpp"
#include "evaluate/metrics/pixel_precision.hpp"
#include "evaluate/metrics/score_map.hpp"
#include "evaluate/metrics/thresholds.hpp"
#include "support/npz.hpp"

namespace locus::evaluate {
namespace {

class WsolGolden : public testing::Test {
protected:
    static constexpr int side = 224;

    static void SetUpTestSuite() { golden = test::read_npz(LOCUS_TEST_DATA "/wsol.npz"); }
    static void TearDownTestSuite() { golden.clear(); }

    static std::size_t images() { return static_cast<std::size_t>(golden.at("raw").shape()[0]); }

    static ScoreMap scores_of(std::size_t i) {
        const Tensor& raw = golden.at("raw");
        return score_map(Tensor::of<float>({14, 14}, raw.values<float>().subspan(i * 14 * 14, 14 * 14)), side);
    }

    static std::vector<Corners> truths_of(std::size_t i) {
        const auto counts = golden.at("boxes_per_image").values<std::int64_t>();
        const auto sizes = golden.at("image_sizes").values<std::int64_t>();
        const auto boxes = golden.at("boxes").values<std::int64_t>();
        std::size_t first = 0;
        for (std::size_t k = 0; k < i; ++k) first += static_cast<std::size_t>(counts[k]);
        std::vector<Corners> truths;
        for (std::size_t k = first; k < first + static_cast<std::size_t>(counts[i]); ++k) {
            const auto corner = [&](std::size_t c) { return static_cast<int>(boxes[k * 4 + c]); };
            const Box box{corner(0), corner(1), corner(2) - corner(0) + 1, corner(3) - corner(1) + 1};
            truths.push_back(scaled(box, static_cast<int>(sizes[i * 2]), static_cast<int>(sizes[i * 2 + 1]), side));
        }
        return truths;
    }

    static BoxAccuracy accuracy(double step) {
        BoxAccuracy total(thresholds(step));
        for (std::size_t i = 0; i < images(); ++i) total.add(box_hits(to_levels(scores_of(i)), side, truths_of(i)));
        return total;
    }

    static double number(const std::string& name) { return golden.at(name).values<double>()[0]; }

    static std::map<std::string, Tensor> golden;
};

std::map<std::string, Tensor> WsolGolden::golden;

TEST_F(WsolGolden, ScoresOfTheMapsAreTheReferences) {
    const auto expected = golden.at("score_first").values<double>();
    for (std::size_t i = 0; i < 3; ++i) {
        const ScoreMap scores = scores_of(i + 1);
        for (std::size_t k = 0; k < scores.values.size(); ++k) {
            ASSERT_NEAR(scores.values[k], expected[i * side * side + k], 1e-14) << "map " << i + 1 << ", pixel " << k;
        }
    }
}

TEST_F(WsolGolden, RightImagesAtEveryThreshold) {
    const BoxAccuracy ours = accuracy(0.01);
    const auto largest = golden.at("correct_largest_iou50").values<double>();
    const auto any = golden.at("correct_all_iou30_50_70").values<double>();
    ASSERT_EQ(ours.thresholds().size(), 100U);
    for (std::size_t t = 0; t < 100; ++t) {
        EXPECT_EQ(static_cast<double>(ours.right_by_largest()[t]), largest[t]) << "largest contour, threshold " << t;
        for (std::size_t d = 0; d < 3; ++d) {
            EXPECT_EQ(static_cast<double>(ours.right_by_any(d)[t]), any[d * 100 + t])
                << "overlap " << d << ", threshold " << t;
        }
    }
}

TEST_F(WsolGolden, MaxBoxAcc) {
    EXPECT_DOUBLE_EQ(accuracy(0.01).max_box_acc(), number("max_box_acc_step01"));
    EXPECT_DOUBLE_EQ(accuracy(0.001).max_box_acc(), number("max_box_acc_step001"));
}

TEST_F(WsolGolden, MaxBoxAccV2) {
    const BoxAccuracy ours = accuracy(0.01);
    for (std::size_t d = 0; d < 3; ++d) {
        EXPECT_DOUBLE_EQ(ours.max_box_acc_v2(d), golden.at("max_box_acc_v2_at_30_50_70").values<double>()[d]);
    }
    EXPECT_DOUBLE_EQ(ours.max_box_acc_v2(), number("max_box_acc_v2"));
}

TEST_F(WsolGolden, PixelAveragePrecision) {
    PixelPrecision pixels(thresholds(0.01));
    const auto masks = golden.at("masks").values<std::uint8_t>();
    for (std::size_t i = 0; i < images(); ++i)
        pixels.add(scores_of(i).values, masks.subspan(i * side * side, side * side));
    EXPECT_NEAR(pixels.average_precision(), number("pxap"), 1e-9);
}

}  // namespace
}  // namespace locus::evaluate
