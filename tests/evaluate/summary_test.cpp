#include "evaluate/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "evaluate/metrics/bootstrap.hpp"
#include "evaluate/metrics/thresholds.hpp"

namespace locus::evaluate {
namespace {

/// Records of two methods on `count` images: hits, pixels and a yes-or-no metric that the first method wins more often.
std::vector<ImageRecord> random_records(std::size_t count, unsigned seed) {
    std::mt19937 engine(seed);
    const auto random = [&] { return static_cast<unsigned>(engine()); };
    std::vector<ImageRecord> records(count);
    for (std::size_t i = 0; i < count; ++i) {
        records[i].index = i;
        records[i].name = "image " + std::to_string(i);
        records[i].label = i % 3 == 0 ? "cat" : "dog";
        for (unsigned method = 0; method < 2; ++method) {
            ImageScores& scores = records[i].rows.emplace_back();
            scores.values["gt-known"] = random() % 100 < (method == 0 ? 70 : 40) ? 1 : 0;
            BoxHits& hits = scores.hits.emplace();
            hits.maximum = i % 10 == 0 ? 0 : 255;
            const unsigned begin = random() % 200, end = begin + random() % 56;
            for (unsigned level = begin; level < end; ++level) {
                hits.largest[level] = true;
                for (auto& any : hits.any) any[level] = random() % 4 != 0;
            }
            scores.pixels = {{random() % 3, 1 + random() % 9, random() % 9}, {5, 2, 3}};
        }
    }
    return records;
}

std::vector<const ImageScores*> row_of(const std::vector<ImageRecord>& records, std::size_t row) {
    std::vector<const ImageScores*> scores;
    for (const ImageRecord& record : records) scores.push_back(&record.rows[row]);
    return scores;
}

TEST(Bootstrap, WeighedMetricsAreThoseOfRepeatedImages) {
    const std::vector<ImageRecord> records = random_records(40, 1);
    for (std::uint64_t number = 0; number < 20; ++number) {
        const std::vector<std::uint16_t> counts = draw(7, number, records.size());
        BoxAccuracy boxes(thresholds(0.01));
        PixelPrecision pixels(thresholds(0.1));
        double right = 0;
        for (std::size_t i = 0; i < records.size(); ++i) {
            for (int k = 0; k < counts[i]; ++k) {
                boxes.add(*records[i].rows[0].hits);
                pixels.add(records[i].rows[0].pixels);
                right += records[i].rows[0].values.at("gt-known");
            }
        }
        const auto value = [&](const char* name, double step) {
            return weighed_metric(find_metric(name), row_of(records, 0), step)(counts);
        };
        EXPECT_DOUBLE_EQ(value("maxboxacc", 0.01), boxes.max_box_acc());
        EXPECT_NEAR(value("maxboxaccv2", 0.01), boxes.max_box_acc_v2(), 1e-12);
        EXPECT_NEAR(value("pxap", 0.1), pixels.average_precision(), 1e-12);
        EXPECT_DOUBLE_EQ(value("gt-known", 0.01), right * 100 / 40);
    }
}

TEST(Bootstrap, ADrawHasAsManyImagesAsTheSet) {
    const std::vector<std::uint16_t> counts = draw(3, 5, 1000);
    int sum = 0, missing = 0;
    for (const std::uint16_t count : counts) {
        sum += count;
        missing += count == 0 ? 1 : 0;
    }
    EXPECT_EQ(sum, 1000);
    EXPECT_NEAR(missing, 1000 * std::exp(-1), 60);  // 1/e of the images are not drawn; 60 is four deviations
    EXPECT_EQ(counts, draw(3, 5, 1000));
    EXPECT_NE(counts, draw(3, 6, 1000));
}

TEST(Bootstrap, TheIntervalOfAShareIsTheBinomialOne) {
    // 30 % of 400: deviation sqrt(0.3 * 0.7 / 400) = 2.29 %, so about 30 -+ 4.5.
    std::vector<ImageScores> scores(400);
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i].values["gt-known"] = i < 120 ? 1 : 0;
    std::vector<const ImageScores*> row;
    for (const ImageScores& s : scores) row.push_back(&s);
    const WeighedMetric metric = weighed_metric(find_metric("gt-known"), row, 0.01);
    std::vector<double> draws;
    for (std::uint64_t number = 0; number < 2000; ++number) draws.push_back(metric(draw(1, number, 400)));
    const Interval interval = interval_of(draws);
    EXPECT_NEAR(interval.low, 25.5, 0.6);
    EXPECT_NEAR(interval.high, 34.5, 0.6);
}

TEST(Bootstrap, QuantilesAreInterpolated) {
    const Interval interval = interval_of({4, 1, 3, std::nan(""), 2, 0});
    EXPECT_DOUBLE_EQ(interval.low, 0.1);
    EXPECT_DOUBLE_EQ(interval.high, 3.9);
}

TEST(PairedTest, IsTwiceTheShareOnTheWrongSide) {
    EXPECT_DOUBLE_EQ(two_sided_p(std::vector<double>{1, 2, 3, -1}), 2 * 2.0 / 5);
    EXPECT_DOUBLE_EQ(two_sided_p(std::vector<double>(999, 1.0)), 2 * 1.0 / 1000);
    EXPECT_DOUBLE_EQ(two_sided_p(std::vector<double>(9, 0.0)), 1.0);
}

Summary summary_of(const std::vector<ImageRecord>& records, int threads) {
    return summarize(records, {{"net", "a", false}, {"net", "b", false}},
                     {find_metric("gt-known"), find_metric("maxboxacc"), find_metric("pxap")},
                     {.step = 0.1, .seed = 5, .resamples = 300, .threads = threads});
}

TEST(Summary, DoesNotDependOnThreads) {
    const std::vector<ImageRecord> records = random_records(60, 2);
    const Summary one = summary_of(records, 1), four = summary_of(records, 4);
    for (std::size_t r = 0; r < 2; ++r) {
        for (const auto& [metric, cell] : one.rows[r].cells) {
            EXPECT_EQ(cell.low, four.rows[r].cells.at(metric).low) << metric;
            EXPECT_EQ(cell.high, four.rows[r].cells.at(metric).high) << metric;
            EXPECT_LE(cell.low, cell.value);
            EXPECT_GE(cell.high, cell.value);
        }
    }
}

TEST(Summary, WithoutDrawsThereAreNoIntervals) {
    const Summary summary = summarize(random_records(20, 2), {{"net", "a", false}, {"net", "b", false}},
                                      {find_metric("gt-known")}, {.step = 0.1, .seed = 5, .resamples = 0});
    for (const RowSummary& row : summary.rows) {
        EXPECT_TRUE(std::isnan(row.cells.at("gt-known").low));
        EXPECT_TRUE(std::isnan(row.cells.at("gt-known").high));
    }
    EXPECT_TRUE(summary.comparisons.empty());
}

TEST(Summary, TheBetterMethodIsTold) {
    const Summary summary = summary_of(random_records(300, 3), 2);
    ASSERT_EQ(summary.comparisons.size(), 3U);
    const Comparison& c = summary.comparisons[0];
    EXPECT_EQ(c.metric, "gt-known");
    EXPECT_NEAR(c.difference, 30, 10);  // 70 % against 40 %
    EXPECT_LT(c.p, 0.01);
    EXPECT_GT(c.low, 0);
}

TEST(Summary, FailedImagesAreCountedAndLeftOut) {
    std::vector<ImageRecord> records = random_records(20, 4);
    const double before = summary_of(records, 1).rows[0].cells.at("gt-known").value;
    ImageRecord& broken = records.emplace_back();
    broken.index = 20;
    broken.error = "cannot be read";
    const Summary summary = summary_of(records, 1);
    EXPECT_EQ(summary.images, 20);
    EXPECT_EQ(summary.failed, 1);
    EXPECT_EQ(summary.rows[0].cells.at("gt-known").value, before);
}

TEST(Summary, ClassesAddUpToTheWhole) {
    const Summary summary = summary_of(random_records(30, 5), 1);
    ASSERT_EQ(summary.classes.size(), 2U);
    double sum = 0;
    for (const ClassSummary& entry : summary.classes)
        sum += static_cast<double>(entry.images) * entry.rows[0].at("gt-known");
    EXPECT_NEAR(sum / 30, summary.rows[0].cells.at("gt-known").value, 1e-12);
}

TEST(Summary, ClassesOfOneNameAreApart) {
    std::vector<ImageRecord> records = random_records(30, 5);
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i].label = "crane";
        records[i].class_key = i < 12 ? "n02012849" : "n03126707";  // the bird and the machine
    }
    const Summary summary = summary_of(records, 1);
    ASSERT_EQ(summary.classes.size(), 2U);
    EXPECT_EQ(summary.classes[0].label, "crane");
    EXPECT_EQ(summary.classes[0].key, "n02012849");
    EXPECT_EQ(summary.classes[0].images, 12);
    EXPECT_EQ(summary.classes[1].label, "crane");
    EXPECT_EQ(summary.classes[1].key, "n03126707");
    EXPECT_EQ(summary.classes[1].images, 18);
}

TEST(Record, IsReadBackToTheBit) {
    std::vector<ImageRecord> records = random_records(5, 6);
    records[0].rows[0].values["drop"] = 1.0 / 3;
    records[1].rows[1].insertion = {0.1, 0.2, 1e-300};
    records[2].error = "with \"quotes\" and\nlines";
    records[3].remarks = {"has no box"};
    records[4].class_key = "n02012849";
    for (const ImageRecord& record : records) EXPECT_EQ(record_from_json(to_json(record)), record);
    EXPECT_THROW(record_from_json("{\"index\": 1"), std::exception);
}

}  // namespace
}  // namespace locus::evaluate
