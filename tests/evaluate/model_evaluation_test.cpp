/// Whole runs on generated networks and pictures.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "error_of.hpp"
#include "evaluate/evaluation.hpp"
#include "evaluate/metrics/localization.hpp"
#include "evaluate/metrics/metric.hpp"
#include "evaluate/model_run.hpp"
#include "evaluate/model_scorer.hpp"
#include "explain/network.hpp"
#include "locus/explainer.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "runtime/session.hpp"
#include "support/direct_blur.hpp"
#include "support/scratch_folder.hpp"

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
            const auto bytes = encode_png(picture(40 + static_cast<int>(i), 36, i));
            folder_.write("data/" + name, bytes);
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

TEST_F(EvaluateModels, StoppedBetweenThePassesOfAMethodItGoesOnWithTheImagesInWork) {
    options_.methods = {"occlusion"};  // many passes an image
    options_.metrics = {"gt-known"};
    options_.batch = 1;
    options_.begin = Begin::resume;
    std::atomic<bool> stop{true};
    EvaluationObserver observer;
    observer.stop = &stop;
    EXPECT_FALSE(evaluate(options_, observer).complete) << "before the first image";
    stop = false;
    observer.progress = [&](std::size_t, std::size_t) { stop = true; };
    options_.threads = 3;
    EXPECT_FALSE(evaluate(options_, observer).complete);
    const Evaluation resumed = evaluate(options_, {});
    EXPECT_TRUE(resumed.complete);
    EXPECT_EQ(resumed.summary.images, 12);
}

TEST_F(EvaluateModels, AMapThatItsFormulaTurnedOverIsMeasuredUpright) {
    // With every logit below 0 the formula of Ablation-CAM turns each map over.
    model::Model network = model::load(folder_ / "gap.onnx");
    for (const model::Node& node : network.graph.nodes) {
        if (node.is("Gemm")) network.graph.initializers.at(node.input(2)) = Tensor::of<float>({2}, {-50, -50});
    }
    model::save(network, folder_ / "gap.onnx");
    options_.methods = {"ablation-cam", "eigen-cam"};
    options_.metrics = {"gt-known"};
    const Evaluation result = evaluate(options_, {});
    const Explainer explainer(folder_ / "gap.onnx", {.method = "ablation-cam,eigen-cam"});
    for (const ImageRecord& record : result.records) {
        const Image image = read_image(folder_ / ("data/" + record.name));
        const int label = record.label == "ant" ? 0 : 1;
        const auto explanations = explainer.explain(image, {.classes = {ClassRequest::at(label)}});
        EXPECT_EQ(explanations[0].sign, -1);
        for (std::size_t row = 0; row < 2; ++row) {
            const auto found = boxes(upsample(explanations[row].evidence(), image.width, image.height));
            const double overlap = found.empty() ? 0 : iou(found[0], {5, 6, 26, 23});
            EXPECT_NEAR(record.rows[row].values.at("iou"), overlap, 1e-9) << record.name << ' ' << row;
        }
    }
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

TEST_F(EvaluateModels, FaithfulnessOfScoresOfAnyFloatingPointType) {
    options_.metrics = {"drop", "insertion"};
    options_.steps = 6;
    const auto values = [&] {
        const auto row = evaluate(options_, {}).summary.rows.at(0);
        return std::pair{row.cells.at("drop").value, row.insertion};
    };
    const auto expected = values();
    for (const DataType type : {DataType::float16, DataType::float64}) {
        model::Model model = model::load(folder_ / "gap.onnx");
        model::ValueInfo& scores = model.graph.outputs.front();
        model.graph.nodes.push_back({.op_type = "Cast",
                                     .inputs = {scores.name},
                                     .outputs = {"cast"},
                                     .attributes = {{"to", static_cast<std::int64_t>(type)}}});
        model.graph.nodes.push_back({.op_type = "Softmax", .inputs = {"cast"}, .outputs = {"shares"}});
        scores = {.name = "shares", .type = type, .shape = scores.shape};
        model::save(model, folder_ / "cast.onnx");
        options_.models = {folder_ / "cast.onnx"};
        options_.out = folder_ / ("out of " + std::string(name(type)));
        const auto found = values();
        EXPECT_NEAR(found.first, expected.first, 1);  // of 100
        ASSERT_EQ(found.second.size(), expected.second.size());
        for (std::size_t i = 0; i < found.second.size(); ++i) EXPECT_NEAR(found.second[i], expected.second[i], 1e-2);
    }
}

/// Rows of a model under a method; metrics.json of the run is in `json`.
nlohmann::json row_of(const nlohmann::json& json, const std::string& model, const std::string& method) {
    for (const auto& row : json["rows"]) {
        if (row["model"] == model && row["method"] == method) return {row["values"], row["curves"]};
    }
    return nullptr;
}

TEST_F(EvaluateModels, BesideOthersAMethodHasTheNumbersThatItHasAlone) {
    const std::vector<std::string> methods{"cam",       "grad-cam",  "grad-cam++", "layer-cam",
                                           "finer-cam", "eigen-cam", "saliency",   "random"};
    options_.models.push_back(folder_ / "gmp.onnx");
    options_.metrics = {"top1", "loc1",     "gt-known", "maxboxaccv2", "pointing",
                        "drop", "increase", "deletion", "sanity"};
    options_.steps = 2;
    options_.subset = 5;
    options_.threads = 2;
    options_.methods = methods;
    const std::vector<ImageRecord> together = evaluate(options_, {}).records;
    const auto all = nlohmann::json::parse(json());
    for (std::size_t m = 0; m < methods.size(); ++m) {
        for (const std::size_t model : {0U, 1U}) {
            const std::string name = model == 0 ? "gap" : "gmp";
            EvaluationOptions alone = options_;
            alone.models = {folder_ / (name + ".onnx")};
            alone.methods = {methods[m]};
            const std::vector<ImageRecord> records = evaluate(alone, {}).records;
            for (std::size_t i = 0; i < records.size(); ++i) {
                EXPECT_EQ(records[i].error, "");
                EXPECT_TRUE(records[i].rows[0] == together[i].rows[model * methods.size() + m])
                    << name << ' ' << methods[m] << ' ' << records[i].name;
            }
            const auto row = row_of(nlohmann::json::parse(json()), name, methods[m]);
            EXPECT_FALSE(row.is_null());
            EXPECT_EQ(row, row_of(all, name, methods[m])) << name << ' ' << methods[m];
        }
    }
}

TEST_F(EvaluateModels, MethodsSharePassesUnlessTheirTimesAreMeasured) {
    const std::vector<std::string> methods{"grad-cam", "grad-cam++", "layer-cam", "cam"};
    ModelScorerOptions options;
    EXPECT_EQ(ModelScorer(folder_ / "gap.onnx", methods, options).passes(), 2U);  // three by the gradient, and cam
    options.localization.metrics = {find_metric("time")};
    EXPECT_EQ(ModelScorer(folder_ / "gap.onnx", methods, options).passes(), 4U);

    options_.methods = methods;
    options_.metrics = {"gt-known", "maxboxaccv2"};
    const Evaluation shared = evaluate(options_, {});
    options_.metrics.push_back("time");
    const Evaluation timed = evaluate(options_, {});
    for (std::size_t i = 0; i < shared.records.size(); ++i) {
        for (std::size_t m = 0; m < methods.size(); ++m) {
            ImageScores scores = timed.records[i].rows[m];
            EXPECT_GT(scores.values.at("time"), 0);
            scores.values.erase("time");
            EXPECT_TRUE(scores == shared.records[i].rows[m]) << methods[m];
        }
    }
}

TEST_F(EvaluateModels, BesideModelsOfOtherSizesAModelHasTheNumbersThatItHasAlone) {
    // Photos that are decoded at 1/8 for 32 pixels, at 1/4 for 64 and at 1/2 for 96; the last has the first's size and
    // other pixels.
    std::vector<std::filesystem::path> models;
    for (const auto& [side, range] : {std::pair{64, "1"}, {32, "1"}, {96, "1"}, {32, "255"}}) {
        model::Model network = model::build({.name = "tiny", .classes = 2, .image_size = side, .seed = 3});
        network.metadata["range"] = range;
        models.push_back(folder_ / ("side" + std::to_string(side) + "_" + range + ".onnx"));
        model::save(network, models.back());
    }
    std::filesystem::remove_all(folder_ / "data");
    for (unsigned i = 0; i < 4; ++i) {
        const auto bytes = encode_jpeg(picture(400, 300, i), 80);
        folder_.write("data/" + std::string(i % 2 == 0 ? "ant" : "bee") + "/" + std::to_string(i) + ".jpg", bytes);
    }
    folder_.write("boxes.csv", "path,x0,y0,x1,y1\nant/0.jpg,50,60,200,220\nbee/1.jpg,9,9,80,90\n");
    options_.metrics = {"top1", "gt-known", "maxboxaccv2", "deletion"};
    options_.steps = 3;
    options_.models = models;
    const std::vector<ImageRecord> together = evaluate(options_, {}).records;
    for (std::size_t m = 0; m < models.size(); ++m) {
        options_.models = {models[m]};
        const std::vector<ImageRecord> alone = evaluate(options_, {}).records;
        ASSERT_EQ(alone.size(), 4U);
        for (std::size_t i = 0; i < alone.size(); ++i)
            EXPECT_TRUE(alone[i].rows[0] == together[i].rows[m]) << models[m] << ' ' << alone[i].name;
    }
    for (const ImageRecord& record : together) EXPECT_FALSE(record.rows[1] == record.rows[3]);  // other pixels tell
}

TEST_F(EvaluateModels, EachRowIsDrawnByItsOwnModelAndMethod) {
    // `auto` is hires-cam for the head of layers, and cam for the pooled one: of one method, and of two.
    const std::vector<std::string> methods{"auto", "hires-cam"};
    model::save(model::build({.name = "tiny", .classes = 2, .image_size = 32, .head = model::Head::fc, .seed = 4}),
                folder_ / "fc.onnx");
    const TruthList truths;
    const std::filesystem::path fc = folder_ / "fc.onnx", gap = folder_ / "gap.onnx";
    const ModelRun both({fc, gap}, methods, {folder_ / "data"}, truths, {});
    const ModelRun first({fc}, methods, {folder_ / "data"}, truths, {});
    const ModelRun second({gap}, methods, {folder_ / "data"}, truths, {});
    const std::size_t rows = both.rows().size() - baselines().size();
    ASSERT_EQ(rows, 3U);
    const auto drawn = [](const ModelRun& run, std::size_t row) { return run.picture(0, row, {}).value().rgb; };
    EXPECT_EQ(drawn(both, 0), drawn(first, 0));
    EXPECT_EQ(drawn(both, 1), drawn(second, 0));
    EXPECT_EQ(drawn(both, 2), drawn(second, 1));
    EXPECT_NE(drawn(first, 0), drawn(second, 0));
    for (std::size_t row = rows; row < both.rows().size(); ++row) EXPECT_FALSE(both.picture(0, row, {})) << row;
}

TEST_F(EvaluateModels, ModelsOfOneFileNameHaveRowsOfTheirOwn) {
    std::filesystem::create_directories(folder_ / "m1");
    std::filesystem::create_directories(folder_ / "m2");
    std::filesystem::rename(folder_ / "gap.onnx", folder_ / "m1/model.onnx");
    std::filesystem::rename(folder_ / "gmp.onnx", folder_ / "m2/model.onnx");
    options_.models = {folder_ / "m1/model.onnx", folder_ / "m2/model.onnx"};
    options_.metrics = {"gt-known"};
    const Evaluation result = evaluate(options_, {});
    EXPECT_EQ(result.summary.rows[0].name.model, "m1/model");
    EXPECT_EQ(result.summary.rows[1].name.model, "m2/model");
    options_.models = {folder_ / "m1/model.onnx", folder_ / "m1/model.onnx"};
    EXPECT_THAT(test::error_of([&] { evaluate(options_, {}); }), HasSubstr("m1/model.onnx' is given twice"));
}

TEST_F(EvaluateModels, ClassesOfOneNameAreApartInTheTables) {
    options_.classes = folder_.write("classes.csv", "key,name\nant,crane\nbee,crane\n");
    options_.metrics = {"top1"};
    evaluate(options_, {});
    const auto classes = nlohmann::json::parse(json())["classes"];
    ASSERT_EQ(classes.size(), 2U);
    EXPECT_EQ(classes[0]["key"], "ant");
    EXPECT_EQ(classes[1]["key"], "bee");
    EXPECT_EQ(classes[0]["label"], "crane");
    EXPECT_EQ(classes[0]["images"], 6);
    std::ifstream stream(folder_ / "out/report.html", std::ios::binary);
    const std::string page{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    EXPECT_THAT(page, HasSubstr("<td>crane<small>ant</small></td><td>6</td>"));
}

TEST_F(EvaluateModels, MemoryThatDoesNotSufficeForScoresCostsTheImagesOnly) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer ends the program where memory does not suffice";
#endif
    const TruthList truths = read_boxes(options_.boxes);
    ModelRunOptions options;
    options.scorer.localization = {.metrics = {find_metric("maxboxacc")}, .step = 0.01, .side = 1 << 22};  // 2^47 bytes
    const ModelRun run(options_.models, {"cam"}, {folder_ / "data"}, truths, options);
    for (const ImageRecord& record : run.measure({0, 1}, {0, 1}))
        EXPECT_EQ(record.error, "memory does not suffice for its scores");
}

TEST_F(EvaluateModels, OfFewDifferencesAFractionIsByChance) {
    options_.methods = {"cam", "random"};
    options_.metrics = {"gt-known", "top1"};
    ASSERT_EQ(evaluate(options_, {}).summary.comparisons.size(), 2U);
    std::ifstream stream(folder_ / "out/report.html", std::ios::binary);
    const std::string page{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    EXPECT_THAT(page, HasSubstr("of so many, 0.1 would be by chance alone on average"));  // 5 % of 2
}

TEST_F(EvaluateModels, EachStepOfACurveIsWhatTheNetworkSaysOfTheChangedInput) {
    options_.metrics = {"insertion", "deletion"};
    options_.steps = 6;
    const std::vector<ImageRecord> records = evaluate(options_, {}).records;
    const explain::Network network = explain::load_network(folder_ / "gap.onnx", {.threads = 1});
    const runtime::Session session(network.model, network.session);
    const Explainer explainer(folder_ / "gap.onnx", {.method = "cam"});
    constexpr int side = 32, pixels = side * side;
    for (const ImageRecord& record : records) {
        const int label = record.label == "ant" ? 0 : 1;
        const Image photo = read_image(folder_ / ("data/" + record.name));
        Map map = explainer.explain(photo, {.classes = {ClassRequest::at(label)}}).at(0).map;
        const float greatest = *std::max_element(map.values.begin(), map.values.end());
        for (float& value : map.values) value = std::max(value, 0.0F) / (greatest > 0 ? greatest : 1);
        const Map full = upsample(map, side, side);
        std::vector<int> order(pixels);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
            return full.values[static_cast<std::size_t>(a)] > full.values[static_cast<std::size_t>(b)];
        });
        const Tensor input = preprocess(photo, network.preprocessing);
        const auto probability = [&](const std::vector<float>& image) {
            const Tensor x = Tensor::of<float>({1, 3, side, side}, std::span<const float>(image));
            const Tensor logits = session.run({{network.input, x}}, {network.head.logits}).at(0);
            const auto y = logits.values<float>();
            return 1 / (1 + std::exp(static_cast<double>(y[static_cast<std::size_t>(1 - label)]) -
                                     static_cast<double>(y[static_cast<std::size_t>(label)])));
        };
        const std::vector<float> whole(input.values<float>().begin(), input.values<float>().end());
        const std::vector<float> blurred = test::blurred_directly(whole, 3, side, side);
        for (int step = 0; step <= 6; ++step) {
            std::vector<float> inserted = blurred, deleted = whole;
            for (int k = 0; k < pixels * step / 6; ++k) {
                for (int c = 0; c < 3; ++c) {
                    const auto at = static_cast<std::size_t>(c * pixels + order[static_cast<std::size_t>(k)]);
                    inserted[at] = whole[at];
                    deleted[at] = 0;
                }
            }
            const auto s = static_cast<std::size_t>(step);
            EXPECT_NEAR(record.rows[0].insertion.at(s), probability(inserted), 1e-5) << record.name << ' ' << step;
            EXPECT_NEAR(record.rows[0].deletion.at(s), probability(deleted), 1e-5) << record.name << ' ' << step;
        }
    }
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
                HasSubstr("none of the data's 3 classes"));
    EXPECT_THAT(complaint([&](EvaluationOptions& o) {
                    o.data = {folder_.write("several.csv", "path,labels\ndata/ant/0.png,ant;bee\ndata/bee/1.png,\n")};
                }),
                HasSubstr("has 2 classes: metrics are of images that have one each"));
}

}  // namespace
}  // namespace locus::evaluate
