/// Whole runs on stored maps.

#include "evaluate/evaluation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "error_of.hpp"
#include "report/npy.hpp"
#include "scratch_folder.hpp"
#include "support/npz.hpp"

namespace locus::evaluate {
namespace {

using testing::HasSubstr;

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

/// The golden maps as a user would have them: one .npy an image, a boxes CSV.
class EvaluateMaps : public testing::Test {
protected:
    void SetUp() override { write_images(24); }

    void write_images(std::size_t images) {
        const auto golden = test::read_npz(LOCUS_TEST_DATA "/wsol.npz");
        const auto raw = golden.at("raw").values<float>();
        const auto counts = golden.at("boxes_per_image").values<std::int64_t>();
        const auto sizes = golden.at("image_sizes").values<std::int64_t>();
        const auto boxes = golden.at("boxes").values<std::int64_t>();
        std::string csv = "file,width,height,x0,y0,x1,y1\n";
        for (std::size_t i = 0, b = 0; i < images; ++i) {
            const std::string name = "c" + std::to_string(i % 2) + "/" + std::to_string(i);
            std::filesystem::create_directories(folder_ / ("maps/c" + std::to_string(i % 2)));
            report::write_npy(folder_ / ("maps/" + name + ".npy"),
                              Tensor::of<float>({14, 14}, raw.subspan(i * 196, 196)));
            for (std::int64_t k = 0; k < counts[i]; ++k, ++b) {
                csv += name + ".jpg," + std::to_string(sizes[i * 2]) + "," + std::to_string(sizes[i * 2 + 1]);
                for (std::size_t c = 0; c < 4; ++c) csv += "," + std::to_string(boxes[b * 4 + c]);
                csv += "\n";
            }
        }
        folder_.write("boxes.csv", csv);
        options_ = {.maps = {folder_ / "maps"},
                    .boxes = folder_ / "boxes.csv",
                    .out = folder_ / "out",
                    .step = 0.01,
                    .resamples = 50,
                    .version = "test"};
        expected_ = golden.at("max_box_acc_step01").values<double>()[0];
    }

    test::ScratchFolder folder_;
    EvaluationOptions options_;
    double expected_ = 0;
};

TEST_F(EvaluateMaps, GivesTheReferencesNumbers) {
    write_images(120);
    const Evaluation result = evaluate(options_, {});
    ASSERT_TRUE(result.complete);
    EXPECT_EQ(result.summary.images, 120);
    EXPECT_DOUBLE_EQ(result.summary.rows[0].cells.at("maxboxacc").value, expected_);
    EXPECT_EQ(result.summary.rows.size(), 5U);  // the maps and four baselines
    const auto json = nlohmann::json::parse(text_of(folder_ / "out/metrics.json"));
    EXPECT_EQ(json["rows"][0]["values"]["maxboxacc"]["value"].get<double>(), expected_);
    EXPECT_EQ(json["rows"][0]["curves"]["box_accuracy"]["thresholds"].size(), 100U);
    EXPECT_THAT(text_of(folder_ / "out/metrics.csv"), HasSubstr("maxboxacc,higher"));
    EXPECT_THAT(text_of(folder_ / "out/report.html"), HasSubstr("MaxBoxAcc"));
}

TEST_F(EvaluateMaps, AreTheSameWithAnyNumberOfThreads) {
    evaluate(options_, {});
    const std::string one = text_of(folder_ / "out/metrics.json");
    options_.threads = 3;
    evaluate(options_, {});
    EXPECT_EQ(text_of(folder_ / "out/metrics.json"), one);
}

TEST_F(EvaluateMaps, ResumeToTheSameBytes) {
    evaluate(options_, {});
    const std::string whole = text_of(folder_ / "out/metrics.json");
    // As if killed in the middle of writing the tenth record.
    std::string records = text_of(folder_ / "out/records.jsonl");
    std::size_t end = 0;
    for (int line = 0; line < 10; ++line) end = records.find('\n', end) + 1;
    folder_.write("out/records.jsonl", records.substr(0, end + 40));
    options_.resume = true;
    std::size_t measured = 0;
    evaluate(options_, {.progress = [&](std::size_t, std::size_t) { ++measured; }});
    EXPECT_LE(measured, 2U);  // 15 images in units of 8
    EXPECT_EQ(text_of(folder_ / "out/metrics.json"), whole);
}

TEST_F(EvaluateMaps, ResumeRefusesOtherOptions) {
    evaluate(options_, {});
    options_.resume = true;
    options_.threshold = 0.3;
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("other options"));
}

TEST_F(EvaluateMaps, StopKeepsWhatIsMeasured) {
    std::atomic<bool> stop{false};
    EvaluationObserver observer;
    observer.stop = &stop;
    observer.progress = [&](std::size_t done, std::size_t) { stop = done >= 16; };
    EXPECT_FALSE(evaluate(options_, observer).complete);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/metrics.json"));
    options_.resume = true;
    EXPECT_TRUE(evaluate(options_, {}).complete);
}

TEST_F(EvaluateMaps, ABrokenMapCostsItsImageOnly) {
    folder_.write("maps/c1/7.npy", "no array");
    std::filesystem::remove(folder_ / "maps/c0/8.npy");
    report::write_npy(folder_ / "maps/c1/9.npy", Tensor::of<float>({4}, {1, 2, 3, 4}));
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.images, 21);
    EXPECT_EQ(result.summary.failed, 3);
    EXPECT_THAT(result.records[8].error, HasSubstr("no map of 'c0/8.jpg'"));
    EXPECT_THAT(result.records[9].error, HasSubstr("[4]"));
}

TEST_F(EvaluateMaps, MapsWithoutABoxAreRemarkedOn) {
    report::write_npy(folder_ / "maps/stranger.npy", Tensor::of<float>({1, 1}, {1}));
    const Evaluation result = evaluate(options_, {});
    ASSERT_EQ(result.description.remarks.size(), 1U);
    EXPECT_THAT(result.description.remarks[0], HasSubstr("1 of 25 maps"));
}

TEST_F(EvaluateMaps, ASubsetIsDrawnByTheSeed) {
    options_.subset = 10;
    const Evaluation a = evaluate(options_, {});
    const Evaluation b = evaluate(options_, {});
    EXPECT_EQ(a.summary.images, 10);
    EXPECT_EQ(a.records, b.records);
    options_.seed = 1;
    EXPECT_NE(a.records[0].name + a.records[1].name, evaluate(options_, {}).records[0].name);
}

TEST_F(EvaluateMaps, WrongRequestsAreAnswered) {
    const auto complaint = [&](auto change) {
        EvaluationOptions options = options_;
        change(options);
        return test::error_of([&] { evaluate(options, {}); });
    };
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.metrics = {"maxboxac"}; }), HasSubstr("'maxboxacc'"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.metrics = {"pxap"}; }), HasSubstr("--masks"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.metrics = {"insertion"}; }), HasSubstr("a model"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.boxes.clear(); }), HasSubstr("--boxes"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.step = 2; }), HasSubstr("step"));
    EXPECT_THAT(complaint([&](EvaluationOptions& o) { o.maps = {folder_ / "nowhere"}; }), HasSubstr("nowhere"));
    EXPECT_THAT(complaint([&](EvaluationOptions& o) {
                    o.boxes = folder_.write("b.csv", "path,x0,y0,x1,y1\nother.jpg,0,0,1,1\n");
                }),
                HasSubstr("other.npy"));
}

}  // namespace
}  // namespace locus::evaluate
