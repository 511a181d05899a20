/// Whole runs on stored maps.

#include "evaluate/evaluation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <png.h>
#include <sstream>

#include <array>
#include <chrono>
#include <cstring>
#include <limits>

#include <nlohmann/json.hpp>

#include "error_of.hpp"
#include "files/npy.hpp"
#include "support/npz.hpp"
#include "support/scratch_folder.hpp"

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
            files::write_npy(folder_ / ("maps/" + name + ".npy"),
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

    /// The golden masks as 8-bit grey PNG files beside the maps' names.
    void write_masks(std::size_t images) {
        const auto golden = test::read_npz(LOCUS_TEST_DATA "/wsol.npz");
        const auto masks = golden.at("masks").values<std::uint8_t>();
        for (std::size_t i = 0; i < images; ++i) {
            const std::string name = "masks/c" + std::to_string(i % 2) + "/" + std::to_string(i) + ".png";
            std::filesystem::create_directories((folder_ / name).parent_path());
            png_image png{};
            png.version = PNG_IMAGE_VERSION;
            png.width = png.height = 224;
            png.format = PNG_FORMAT_GRAY;
            ASSERT_NE(
                png_image_write_to_file(&png, (folder_ / name).c_str(), 0, masks.data() + i * 224 * 224, 0, nullptr),
                0);
        }
        options_.masks = folder_ / "masks";
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

TEST_F(EvaluateMaps, GiveEveryNumberOfTheReferenceFromFiles) {
    write_images(120);
    write_masks(120);
    options_.metrics = {"maxboxacc", "maxboxaccv2", "pxap"};
    options_.resamples = 0;
    evaluate(options_, {});
    const auto golden = test::read_npz(LOCUS_TEST_DATA "/wsol.npz");
    const auto number = [&](const char* name, std::size_t i = 0) { return golden.at(name).values<double>()[i]; };
    auto json = nlohmann::json::parse(text_of(folder_ / "out/metrics.json"));
    const auto& values = json["rows"][0]["values"];
    EXPECT_DOUBLE_EQ(values["maxboxacc"]["value"].get<double>(), number("max_box_acc_step01"));
    EXPECT_DOUBLE_EQ(values["maxboxaccv2"]["value"].get<double>(), number("max_box_acc_v2"));
    const std::array<const char*, 3> overlaps{"0.3", "0.5", "0.7"};
    for (std::size_t d = 0; d < 3; ++d) {
        EXPECT_DOUBLE_EQ(values["maxboxaccv2"]["at"][overlaps[d]].get<double>(),
                         number("max_box_acc_v2_at_30_50_70", d));
    }
    EXPECT_NEAR(values["pxap"]["value"].get<double>(), number("pxap"), 1e-9);
    const auto& curve = json["rows"][0]["curves"]["box_accuracy"];
    for (std::size_t t = 0; t < 100; ++t) {
        const auto images_right = [&](const std::string& line) { return curve[line][t].get<double>() * 120 / 100; };
        EXPECT_NEAR(images_right("largest_0.5"), number("correct_largest_iou50", t), 1e-9) << t;
        for (std::size_t d = 0; d < 3; ++d) {
            EXPECT_NEAR(images_right(std::string("any_") + overlaps[d]), number("correct_all_iou30_50_70", d * 100 + t),
                        1e-9)
                << t;
        }
    }
    options_.step = 0.001;
    options_.metrics = {"maxboxacc"};
    evaluate(options_, {});
    json = nlohmann::json::parse(text_of(folder_ / "out/metrics.json"));
    EXPECT_DOUBLE_EQ(json["rows"][0]["values"]["maxboxacc"]["value"].get<double>(), number("max_box_acc_step001"));
}

/// The first golden image's only map, as an array of another kind.
class OddMaps : public EvaluateMaps {
protected:
    void SetUp() override { write_images(2); }

    ImageScores scores_of(const Tensor& array) {
        files::write_npy(folder_ / "maps/c1/1.npy", array);
        options_.resamples = 0;
        const Evaluation result = evaluate(options_, {});
        EXPECT_EQ(result.records[1].error, "");
        return result.records[1].error.empty() ? result.records[1].rows[0] : ImageScores{};
    }
    std::string error_of_map(const Tensor& array) {
        files::write_npy(folder_ / "maps/c1/1.npy", array);
        return evaluate(options_, {}).records[1].error;
    }
    Tensor golden_map() const { return files::read_npy(folder_ / "maps/c1/1.npy"); }
};

TEST_F(OddMaps, NumberTypeAndLeadingOnesDoNotCount) {
    const Tensor map = golden_map();
    const ImageScores as_it_is = scores_of(map);
    EXPECT_EQ(scores_of(map.to(DataType::float64)), as_it_is);
    EXPECT_EQ(scores_of(map.reshaped({1, 14, 14})), as_it_is);
    EXPECT_EQ(scores_of(map.reshaped({1, 1, 14, 14})), as_it_is);
    Tensor half(DataType::float16, {2, 2});
    const std::array<std::uint16_t, 4> bits{0x3C00, 0x4000, 0x0000, 0x3800};  // 1, 2, 0, 0.5
    std::memcpy(half.mutable_bytes().data(), bits.data(), sizeof bits);
    EXPECT_EQ(scores_of(half), scores_of(Tensor::of<float>({2, 2}, {1, 2, 0, 0.5F})));
    Tensor bytes(DataType::uint8, {14, 14});
    for (std::size_t i = 0; i < 196; ++i) bytes.mutable_values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
    EXPECT_EQ(scores_of(bytes), scores_of(bytes.to_float32()));
}

TEST_F(OddMaps, NumbersBeyondSinglePrecisionKeepTheirOrder) {
    const Tensor map = golden_map().to(DataType::float64);
    const ImageScores as_it_is = scores_of(map);
    for (const double unit : {0x1p900, 0x1p-900}) {
        Tensor scaled = map;
        for (double& value : scaled.mutable_values<double>()) value *= unit;
        const ImageScores scores = scores_of(scaled);
        EXPECT_EQ(scores.hits, as_it_is.hits);
        EXPECT_EQ(scores.values.at("iou"), as_it_is.values.at("iou"));
    }
    // Differences that single precision does not hold.
    Tensor fine(DataType::float64, {2, 2}), coarse(DataType::float64, {2, 2});
    for (std::size_t i = 0; i < 4; ++i) {
        coarse.mutable_values<double>()[i] = static_cast<double>(i);
        fine.mutable_values<double>()[i] = 1 + static_cast<double>(i) * 1e-12;
    }
    EXPECT_EQ(scores_of(fine).hits->maximum, 255);
}

/// The top of a map of two columns and rows lies in the box of the golden image's right half, or does not.
TEST_F(OddMaps, TheMaximumIsFoundInTheMapsOwnPrecision) {
    options_.boxes = folder_.write("b.csv",
                                   "file,width,height,x0,y0,x1,y1\nc0/0.jpg,80,80,0,0,79,79\n"
                                   "c1/1.jpg,80,80,60,60,79,79\n");
    options_.metrics = {"pointing", "gt-known"};
    const auto points = [&](const Tensor& array) { return scores_of(array).values.at("pointing"); };
    EXPECT_EQ(points(Tensor::of<double>({2, 2}, {1e8 + 1, 1e8, 1e8 + 1, 1e8 + 2})), 1);
    EXPECT_EQ(points(Tensor::of<double>({2, 2}, {1e8 + 2, 1e8, 1e8 + 1, 1e8 + 1})), 0);
    EXPECT_EQ(points(Tensor::of<double>({2, 2}, {-1 - 1e-12, -2, -1 - 1e-12, -1})), 1);
    constexpr std::int64_t large = std::int64_t{1} << 40;
    EXPECT_EQ(points(Tensor::of<std::int64_t>({2, 2}, {large + 1, large, large + 1, large + 2})), 1);
    EXPECT_EQ(points(Tensor::of<std::uint32_t>({2, 2}, {4000000001, 0, 4000000001, 4000000002})), 1);
    EXPECT_EQ(points(Tensor::of<std::uint64_t>({2, 2}, {1ULL << 63, 0, 1ULL << 63, (1ULL << 63) + 4096})), 1);
    // Differences that overflow: the box and the maximum are those of the same map made smaller.
    const ImageScores huge = scores_of(Tensor::of<float>({2, 2}, {-3e38F, -3e38F, -3e38F, 3e38F}));
    EXPECT_EQ(huge, scores_of(Tensor::of<float>({2, 2}, {-3, -3, -3, 3})));
    EXPECT_EQ(huge.values.at("pointing"), 1);
    EXPECT_EQ(scores_of(Tensor::of<double>({2, 2}, {-1.7e308, -1.7e308, -1.7e308, 1.7e308})), huge);
}

TEST_F(OddMaps, AMapThatIsNotFiniteIsAMissByEveryMetricAndRemarkedOn) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    options_.boxes = folder_.write("b.csv",
                                   "file,width,height,x0,y0,x1,y1\nc0/0.jpg,80,80,0,0,79,79\n"
                                   "c1/1.jpg,80,80,0,0,79,79\n");
    for (const float bad : {nan, inf, -inf}) {
        const ImageScores scores = scores_of(Tensor::of<float>({2, 2}, {1, bad, 1, 1}));
        EXPECT_EQ(scores.values.at("gt-known"), 0);
        EXPECT_EQ(scores.values.at("pointing"), 0);
        EXPECT_EQ(scores.hits->maximum, 0);
    }
    // One that is not among the pixels of the square counts as well.
    Tensor large(DataType::float32, {1000, 1000});
    std::ranges::fill(large.mutable_values<float>(), 1.0F);
    large.mutable_values<float>()[1] = nan;
    EXPECT_EQ(scores_of(large).values.at("gt-known"), 0);
    EXPECT_THAT(evaluate(options_, {}).description.remarks,
                testing::Contains("'c1/1.jpg' has a map in '" + (folder_ / "maps").string() +
                                  "' with a NaN or an infinity, which counts as zeros: a miss"));
}

TEST_F(EvaluateMaps, BoxesBeyondTheirImagesAreRemarkedOn) {
    std::filesystem::create_directories(folder_ / "m");
    files::write_npy(folder_ / "m/a.npy", Tensor::of<float>({1, 1}, {1}));
    options_.maps = {folder_ / "m"};
    const auto remarks = [&](const std::string& corners) {
        options_.boxes = folder_.write("b.csv", "file,width,height,x0,y0,x1,y1\na.jpg,100,80," + corners + "\n");
        return evaluate(options_, {}).description.remarks;
    };
    EXPECT_THAT(remarks("0,0,99,79"), testing::IsEmpty());
    EXPECT_THAT(remarks("0,0,100,80"), testing::IsEmpty()) << "exclusive corners are common";
    EXPECT_THAT(remarks("0,0,150,79"), testing::ElementsAre(HasSubstr("'a.jpg' has a box that reaches beyond it")));
    EXPECT_THAT(remarks("-50,0,99,79"), testing::ElementsAre(HasSubstr("reaches beyond")));
}

TEST_F(EvaluateMaps, MasksOfAnotherProportionAreRemarkedOn) {
    write_masks(24);  // squares
    const Evaluation result = evaluate(options_, {});
    EXPECT_THAT(result.description.remarks, testing::Contains(HasSubstr("has a mask whose sides are in another")));
    options_.boxes.clear();  // each mask is then its image's size
    EXPECT_THAT(evaluate(options_, {}).description.remarks, testing::IsEmpty());
}

TEST_F(OddMaps, ConstantOnesAndThoseWithoutNumbersAreZeros) {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const ImageScores constant = scores_of(Tensor::of<float>({1, 1}, {3}));
    EXPECT_EQ(constant.hits->maximum, 0);
    EXPECT_EQ(scores_of(Tensor::of<float>({2, 2}, {1, nan, 0, 2})).hits, constant.hits);
    EXPECT_EQ(scores_of(Tensor::of<float>({2, 2}, {1, inf, 0, 2})).hits, constant.hits);
    EXPECT_EQ(scores_of(Tensor::of<float>({2, 2}, {1, -inf, 0, 2})).hits, constant.hits);
}

TEST_F(OddMaps, LargeOnesAreScoredAndWhatIsNoMapIsNamed) {
    Tensor large(DataType::uint8, {3000, 5000});
    large.mutable_values<std::uint8_t>()[1234567] = 1;
    EXPECT_EQ(scores_of(large).hits->maximum, 0);  // one pixel of fifteen million is lost on the square
    EXPECT_THAT(error_of_map(Tensor(DataType::uint8, {1, 40000})), HasSubstr("32767"));
    EXPECT_THAT(error_of_map(Tensor(DataType::float32, {3, 4, 4})), HasSubstr("[h, w]"));
    EXPECT_THAT(error_of_map(Tensor(DataType::float32, {0, 4})), HasSubstr("1.npy"));
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
    options_.begin = Begin::resume;
    std::size_t measured = 0;
    evaluate(options_, {.progress = [&](std::size_t, std::size_t) { ++measured; }});
    EXPECT_LE(measured, 2U);  // 15 images in units of 8
    EXPECT_EQ(text_of(folder_ / "out/metrics.json"), whole);
}

TEST_F(EvaluateMaps, ResumeRefusesOtherOptions) {
    evaluate(options_, {});
    options_.begin = Begin::resume;
    options_.threshold = 0.3;
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("other options"));
}

TEST_F(EvaluateMaps, ResumeRefusesChangedMapsAndMasks) {
    write_masks(24);
    evaluate(options_, {});
    options_.begin = Begin::resume;
    EXPECT_EQ(test::error_of([&] { evaluate(options_, {}); }), "");
    for (const char* changed : {"maps/c0/8.npy", "masks/c1/9.png"}) {
        const auto file = folder_ / changed;
        const auto time = std::filesystem::last_write_time(file);
        std::filesystem::last_write_time(file, time + std::chrono::seconds(1));
        EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("their files were changed since"))
            << changed;
        std::filesystem::last_write_time(file, time);
        EXPECT_EQ(test::error_of([&] { evaluate(options_, {}); }), "") << changed;
    }
    files::write_npy(folder_ / "maps/c0/more.npy", Tensor::of<float>({1, 1}, {1}));
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("their files were changed since"));
}

TEST_F(EvaluateMaps, StopKeepsWhatIsMeasured) {
    std::atomic<bool> stop{false};
    EvaluationObserver observer;
    observer.stop = &stop;
    observer.progress = [&](std::size_t done, std::size_t) { stop = done >= 16; };
    EXPECT_FALSE(evaluate(options_, observer).complete);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out/metrics.json"));
    options_.begin = Begin::resume;
    EXPECT_TRUE(evaluate(options_, {}).complete);
}

TEST_F(EvaluateMaps, AnUnfinishedRunIsNotThrownAway) {
    std::atomic<bool> stop{false};
    EvaluationObserver observer;
    observer.stop = &stop;
    observer.progress = [&](std::size_t done, std::size_t) { stop = done >= 16; };
    EXPECT_FALSE(evaluate(options_, observer).complete);
    const std::string records = text_of(folder_ / "out/records.jsonl");
    EXPECT_EQ(test::error_of([&] { evaluate(options_, {}); }),
              "usage: '" + (folder_ / "out").string() +
                  "' holds an unfinished run: --resume goes on with it, --overwrite begins anew");
    EXPECT_EQ(text_of(folder_ / "out/records.jsonl"), records);
    options_.begin = Begin::overwrite;
    std::size_t units = 0;
    EXPECT_TRUE(evaluate(options_, {.progress = [&](std::size_t, std::size_t) { ++units; }}).complete);
    EXPECT_EQ(units, 3U);  // 24 images in units of 8: none was taken over
}

TEST_F(EvaluateMaps, ARunThatHasRecordsButNoTablesIsUnfinished) {
    evaluate(options_, {});
    const std::string whole = text_of(folder_ / "out/metrics.json");
    std::filesystem::remove(folder_ / "out/report.html");  // the last that is written
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("unfinished"));
    options_.begin = Begin::resume;
    evaluate(options_, {.progress = [](std::size_t, std::size_t) { FAIL() << "measured again"; }});
    EXPECT_EQ(text_of(folder_ / "out/metrics.json"), whole);
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out/report.html"));
}

TEST_F(EvaluateMaps, AFinishedRunIsReplacedItsTablesFirst) {
    evaluate(options_, {});
    folder_.write("out/notes.txt", "mine");
    const std::atomic<bool> stop{true};
    EvaluationObserver observer;
    observer.stop = &stop;
    EXPECT_FALSE(evaluate(options_, observer).complete);
    for (const char* table : {"metrics.json", "metrics.csv", "report.html"})
        EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / table)) << table;
    EXPECT_EQ(text_of(folder_ / "out/notes.txt"), "mine");
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("unfinished"));
}

TEST_F(EvaluateMaps, FilesOfOthersAreRefusedUnlessToldOtherwise) {
    for (const char* file : {"out/notes.txt", "out/records.jsonl"}) {
        std::filesystem::remove_all(folder_ / "out");
        folder_.write(file, "mine\n");
        options_.begin = Begin::fresh;
        EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("--overwrite")) << file;
        options_.begin = Begin::resume;
        EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("--overwrite")) << file;
        EXPECT_EQ(text_of(folder_ / file), "mine\n");
    }
    for (const std::string records : {R"({"my": "records"})", "{\"my\": \"records\"}\n"}) {
        std::filesystem::remove_all(folder_ / "out");
        folder_.write("out/records.jsonl", records);
        for (const Begin begin : {Begin::fresh, Begin::resume}) {
            options_.begin = begin;
            EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("is not of an evaluation"));
            EXPECT_EQ(text_of(folder_ / "out/records.jsonl"), records);
        }
    }
    options_.out = folder_.write("file", "mine");
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("--out"));
    options_.out = folder_ / "beside";
    folder_.write("beside/notes.txt", "mine");
    options_.begin = Begin::overwrite;
    EXPECT_TRUE(evaluate(options_, {}).complete);
    EXPECT_EQ(text_of(folder_ / "beside/notes.txt"), "mine");
}

TEST_F(EvaluateMaps, ARunKilledBeforeItsFirstLineIsNone) {
    folder_.write("out/records.jsonl", "{\"locus-eval");
    EXPECT_TRUE(evaluate(options_, {}).complete);
}

TEST_F(EvaluateMaps, ABrokenMapCostsItsImageOnly) {
    folder_.write("maps/c1/7.npy", "no array");
    std::filesystem::remove(folder_ / "maps/c0/8.npy");
    files::write_npy(folder_ / "maps/c1/9.npy", Tensor::of<float>({4}, {1, 2, 3, 4}));
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.images, 21);
    EXPECT_EQ(result.summary.failed, 3);
    EXPECT_THAT(result.records[8].error, HasSubstr("no map of 'c0/8.jpg'"));
    EXPECT_THAT(result.records[9].error, HasSubstr("[4]"));
}

TEST_F(EvaluateMaps, ALinkThatLeadsInACircleCostsItsImageOnly) {
    std::filesystem::remove(folder_ / "maps/c1/7.npy");
    std::filesystem::create_symlink("7.npy", folder_ / "maps/c1/7.npy");
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.failed, 1);
    EXPECT_THAT(result.records[7].error, HasSubstr("7.npy"));
}

TEST_F(EvaluateMaps, MapsWithoutABoxAreRemarkedOn) {
    files::write_npy(folder_ / "maps/stranger.npy", Tensor::of<float>({1, 1}, {1}));
    const Evaluation result = evaluate(options_, {});
    ASSERT_EQ(result.description.remarks.size(), 1U);
    EXPECT_THAT(result.description.remarks[0], HasSubstr("1 of 25 maps"));
}

TEST_F(EvaluateMaps, EitherSideMayLeaveLeadingFoldersOut) {
    const double whole = evaluate(options_, {}).summary.rows[0].cells.at("maxboxacc").value;
    const std::string boxes = text_of(folder_ / "boxes.csv");
    const auto with_names = [&](const std::string& replacement) {
        std::string text;
        std::istringstream lines(boxes);
        for (std::string line; std::getline(lines, line);)
            text += (line.starts_with("c") ? replacement + line.substr(replacement.empty() ? 3 : 0) : line) + "\n";
        return folder_.write("renamed.csv", text);
    };
    for (const char* names : {"", "photos/val/"}) {  // "c0/8.jpg" as "8.jpg", and as "photos/val/c0/8.jpg"
        options_.boxes = with_names(names);
        const Evaluation result = evaluate(options_, {});
        EXPECT_EQ(result.summary.failed, 0) << names;
        EXPECT_EQ(result.summary.images, 24) << names;
        EXPECT_DOUBLE_EQ(result.summary.rows[0].cells.at("maxboxacc").value, whole) << names;
    }
}

TEST_F(EvaluateMaps, NamesThatFitSeveralAreRefusedAndNamed) {
    const auto complaint = [&](const char* name, const std::string& images) {
        options_.boxes = folder_.write(name, "path,width,height,x0,y0,x1,y1\n" + images);
        return test::error_of([&] { evaluate(options_, {}); });
    };
    files::write_npy(folder_ / "maps/c1/8.npy", Tensor::of<float>({1, 1}, {1}));
    EXPECT_THAT(complaint("a.csv", "8.jpg,9,9,0,0,1,1\n"),
                HasSubstr("'8.jpg' may have the map 'c0/8.npy' or 'c1/8.npy'"));
    files::write_npy(folder_ / "maps/lone.npy", Tensor::of<float>({1, 1}, {1}));
    EXPECT_THAT(complaint("b.csv", "a/lone.jpg,9,9,0,0,1,1\nb/lone.jpg,9,9,0,0,1,1\n"),
                HasSubstr("may be the map of 'a/lone.jpg' or of 'b/lone.jpg'"));
}

TEST_F(EvaluateMaps, ImagesThatDifferInTheirEndingNeedMapsThatDo) {
    options_.boxes =
        folder_.write("b.csv", "file,width,height,x0,y0,x1,y1\na.jpg,80,80,0,0,19,19\na.png,80,80,60,60,79,79\n");
    options_.maps = {folder_ / "m"};
    std::filesystem::create_directories(folder_ / "m");
    files::write_npy(folder_ / "m/a.npy", Tensor::of<float>({2, 2}, {1, 0, 0, 0}));
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }),
                HasSubstr("m/a.npy' may be the map of 'a.jpg' or of 'a.png': it needs the image's ending before its "
                          "own, as 'a.png.npy'"));
    std::filesystem::rename(folder_ / "m/a.npy", folder_ / "m/a.jpg.npy");
    files::write_npy(folder_ / "m/a.png.npy", Tensor::of<float>({2, 2}, {0, 0, 0, 1}));
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.rows[0].cells.at("pointing").value, 100);
}

TEST_F(EvaluateMaps, NamesWithDotsAreNotCutShort) {
    options_.boxes = folder_.write("b.csv",
                                   "file,width,height,x0,y0,x1,y1\n"
                                   "photo.2020,80,80,0,0,19,19\nphoto.2021,80,80,60,60,79,79\n");
    options_.maps = {folder_ / "m"};
    std::filesystem::create_directories(folder_ / "m");
    files::write_npy(folder_ / "m/photo.2020.npy", Tensor::of<float>({2, 2}, {1, 0, 0, 0}));
    files::write_npy(folder_ / "m/photo.2021.npy", Tensor::of<float>({2, 2}, {0, 0, 0, 1}));
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.images, 2);
    EXPECT_EQ(result.summary.rows[0].cells.at("pointing").value, 100);
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
