/// Whole runs on generated networks and pictures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "error_of.hpp"
#include "evaluate/evaluation.hpp"
#include "evaluate/localization.hpp"
#include "image/encode.hpp"
#include "locus/explainer.hpp"
#include "model/builder.hpp"
#include "model/onnx_file.hpp"
#include "scratch_folder.hpp"

namespace locus::evaluate {
namespace {

using testing::HasSubstr;

Image picture(int width, int height, unsigned seed) {
    std::mt19937 random(seed);
    Image image;
    image.width = width;
    image.height = height;
    image.rgb.resize(static_cast<std::size_t>(width * height * 3));
    const int cx = static_cast<int>(random()) % width, cy = static_cast<int>(random()) % height;
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            const bool in = std::abs(x - cx) < width / 4 && std::abs(y - cy) < height / 4;
            for (int c = 0; c < 3; ++c)
                image.pixel(x, y)[c] = static_cast<std::uint8_t>((in ? 60 * (c + 1) : 20) + random() % 40);
        }
    }
    return image;
}

class EvaluateModels : public testing::Test {
protected:
    void SetUp() override {
        std::string csv = "path,x0,y0,x1,y1\n";
        for (unsigned i = 0; i < 12; ++i) {
            const std::string name = std::string(i % 2 == 0 ? "ant" : "bee") + "/" + std::to_string(i) + ".png";
            const auto bytes = image::encode_png(picture(40 + static_cast<int>(i), 36, i));
            folder_.write("data/" + name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            csv += name + ",5,6,30,28\n";
        }
        folder_.write("boxes.csv", csv);
        for (const auto& [file, head, seed] :
             {std::tuple{"gap.onnx", model::Head::gap, 1}, {"gmp.onnx", model::Head::gmp, 2}}) {
            model::NetworkOptions options;
            options.name = "tiny";
            options.classes = 2;
            options.image_size = 32;
            options.head = head;
            options.seed = static_cast<std::uint64_t>(seed);
            model::save(model::build(options), folder_ / file);
        }
        options_.models = {folder_ / "gap.onnx"};
        options_.methods = {"cam"};
        options_.data = {folder_ / "data"};
        options_.boxes = folder_ / "boxes.csv";
        options_.out = folder_ / "out";
        options_.step = 0.01;
        options_.resamples = 20;
        options_.batch = 4;
        options_.version = "test";
    }

    std::string json() const {
        std::ifstream stream(folder_ / "out/metrics.json", std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    }

    test::ScratchFolder folder_;
    EvaluationOptions options_;
};

TEST_F(EvaluateModels, GtKnownAndAccuracyAreThoseOfTheExplainer) {
    options_.metrics = {"top1", "loc1", "loc5", "gt-known"};
    const Evaluation result = evaluate(options_, {});
    ASSERT_EQ(result.summary.images, 12);
    const Explainer explainer(folder_ / "gap.onnx", {.method = "cam"});
    double right = 0, located = 0, both = 0;
    for (const ImageRecord& record : result.records) {
        const Image image = read_image(folder_ / ("data/" + record.name));
        const int label = record.label == "ant" ? 0 : 1;
        const Explanation e = explainer.explain(image, {.classes = {ClassRequest::at(label)}}).at(0);
        const std::vector<Box> found = boxes(upsample(e.map, image.width, image.height));
        const bool box_right = !found.empty() && iou(found[0], {5, 6, 26, 23}) >= 0.5;
        EXPECT_EQ(record.rows[0].values.at("gt-known"), box_right ? 1 : 0) << record.name;
        right += e.rank == 1 ? 1 : 0;
        located += box_right ? 1 : 0;
        both += e.rank == 1 && box_right ? 1 : 0;
    }
    const auto& cells = result.summary.rows[0].cells;
    EXPECT_DOUBLE_EQ(cells.at("top1").value, right * 100 / 12);
    EXPECT_DOUBLE_EQ(cells.at("gt-known").value, located * 100 / 12);
    EXPECT_NEAR(cells.at("loc1").value, 100 - both * 100 / 12, 1e-9);
    EXPECT_NEAR(cells.at("loc5").value, 100 - located * 100 / 12, 1e-9);  // of two classes both are among five
}

TEST_F(EvaluateModels, TablesAreTheSameForAnyThreadsAndBatches) {
    options_.models.push_back(folder_ / "gmp.onnx");
    options_.metrics = {"gt-known", "maxboxaccv2", "drop", "deletion"};
    options_.steps = 4;
    evaluate(options_, {});
    const std::string one = json();
    options_.threads = 3;
    options_.batch = 5;
    evaluate(options_, {});
    EXPECT_EQ(json(), one);
}

TEST_F(EvaluateModels, ResumeToTheSameBytes) {
    evaluate(options_, {});
    const std::string whole = json();
    std::ifstream stream(folder_ / "out/records.jsonl", std::ios::binary);
    std::string line, kept;
    for (int i = 0; i < 6 && std::getline(stream, line); ++i) kept += line + '\n';
    stream.close();
    folder_.write("out/records.jsonl", kept + "{\"index\": 5, \"na");
    options_.begin = Begin::resume;
    evaluate(options_, {});
    // Times differ from run to run; the default metrics have none.
    EXPECT_EQ(json(), whole);
}

TEST_F(EvaluateModels, ACorruptImageCostsThatImageOnly) {
    folder_.write("data/ant/4.png", "no picture");
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.images, 11);
    EXPECT_EQ(result.summary.failed, 1);
}

TEST_F(EvaluateModels, BoxesWithoutImagesAndImagesWithoutBoxesAreRemarkedOn) {
    folder_.write("boxes.csv", "path,x0,y0,x1,y1\nant/0.png,1,1,9,9\nant/none.png,1,1,9,9\n");
    const Evaluation result = evaluate(options_, {});
    std::string remarks;
    for (const std::string& remark : result.description.remarks) remarks += remark + "\n";
    EXPECT_THAT(remarks, HasSubstr("1 of 2 images with boxes"));
    EXPECT_THAT(remarks, HasSubstr("11 images"));
    EXPECT_EQ(result.summary.rows[0].cells.at("gt-known").images, 1);
    EXPECT_EQ(result.summary.rows[0].cells.at("top1").images, 12);
}

TEST_F(EvaluateModels, FaithfulnessHasItsCurves) {
    options_.metrics = {"drop", "increase", "insertion", "deletion", "road", "sanity"};
    options_.boxes.clear();
    options_.steps = 6;
    const Evaluation result = evaluate(options_, {});
    const RowSummary& row = result.summary.rows[0];
    EXPECT_EQ(row.insertion.size(), 7U);
    EXPECT_EQ(row.deletion.size(), 7U);
    // Both end where the other begins: at the whole picture.
    EXPECT_NEAR(row.insertion.back(), row.deletion.front(), 1e-6);
    EXPECT_GE(row.cells.at("drop").value, 0);
    EXPECT_LE(std::abs(row.cells.at("sanity").value), 1);
    EXPECT_EQ(row.cells.at("road").images, 12);
}

TEST_F(EvaluateModels, WrongRequestsAreAnswered) {
    const auto complaint = [&](auto change) {
        EvaluationOptions options = options_;
        change(options);
        return test::error_of([&] { evaluate(options, {}); });
    };
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.data.clear(); }), HasSubstr("--data"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.methods = {"kam"}; }), HasSubstr("'cam'"));
    EXPECT_THAT(complaint([&](EvaluationOptions& o) { o.maps = {folder_ / "data"}; }), HasSubstr("runs of their own"));
    EXPECT_THAT(complaint([](EvaluationOptions& o) { o.metrics = {"pxap"}; }), HasSubstr("--masks"));
    EXPECT_THAT(complaint([&](EvaluationOptions& o) {
                    folder_.write("data/cow/1.png", "");
                    o.seed = 3;
                }),
                HasSubstr("None of the data's 3 classes"));
}

}  // namespace
}  // namespace locus::evaluate
