#include "report/results_json.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "report/json_number.hpp"
#include "sample_run.hpp"
#include "support/schema.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

std::string whole(const RunRecord& run, const std::vector<ImageRecord>& images, const std::vector<Failure>& failures,
                  const std::optional<Progress>& progress = std::nullopt) {
    std::string text = results_head(run, progress);
    for (std::size_t i = 0; i < images.size(); ++i) text += results_separator(i == 0) + image_json(images[i]);
    text += results_middle(!images.empty());
    for (std::size_t i = 0; i < failures.size(); ++i) text += results_separator(i == 0) + failure_json(failures[i]);
    return text + results_tail(!failures.empty());
}

std::vector<std::string> keys(const Json& object) {
    std::vector<std::string> names;
    for (const auto& item : object.items()) names.push_back(item.key());
    return names;
}

std::string objections(const std::string& text) {
    return test::objections(LOCUS_RESULTS_SCHEMA, nlohmann::json::parse(text));
}

TEST(ResultsJson, KeysComeInTheDocumentedOrder) {
    const Json json = Json::parse(whole(sample_run(), {sample_image()}, {{"bad.jpg", "is empty"}}));
    EXPECT_EQ(keys(json), (std::vector<std::string>{"locus", "model", "preprocessing", "method", "layer", "seed",
                                                    "threshold", "components", "warnings", "images", "failed"}));
    EXPECT_EQ(keys(json["images"][0]),
              (std::vector<std::string>{"file", "width", "height", "region", "warning", "explanations"}));
    const Json& e = json["images"][0]["explanations"][0];
    EXPECT_EQ(keys(e), (std::vector<std::string>{"class", "rank", "logit", "score", "bias", "probability", "map",
                                                 "overlay", "boxes", "heatmap", "mask", "decomposition", "method",
                                                 "layer", "sign", "note"}));
    EXPECT_EQ(keys(e["map"]), (std::vector<std::string>{"file", "width", "height", "min", "max", "zero"}));
    EXPECT_EQ(keys(e["boxes"][0]), (std::vector<std::string>{"x", "y", "width", "height", "score"}));
    EXPECT_EQ(e["boxes"][0].dump(), R"({"x":10,"y":20,"width":30,"height":40,"score":0.625})");
    EXPECT_EQ(json["failed"][0].dump(), R"({"file":"bad.jpg","error":"is empty"})");
}

TEST(ResultsJson, IsValidByItsSchema) {
    RunRecord run = sample_run();
    ImageRecord bare = sample_image("x.npy#3");
    ExplanationRecord& e = bare.explanations[0];
    e.explanation.bias.reset();
    e.explanation.probability.reset();
    e.explanation.class_name.clear();
    e.explanation.note = "no positive evidence";
    e.explanation.sign = -1;
    e.explanation.sign_by = "score";
    e.explanation.logit = std::numeric_limits<double>::quiet_NaN();
    e.map_file.clear();
    e.overlay_file.clear();
    e.boxes.clear();
    EXPECT_EQ(objections(whole(run, {sample_image(), bare}, {{"bad.jpg", "is empty"}})), "");
    EXPECT_EQ(objections(whole(run, {}, {})), "");
    EXPECT_EQ(objections(whole(run, {}, {}, Progress{0, 12})), "");
    run.preprocessing.resize = Resize::crop;
    run.preprocessing.color = ColorOrder::gray;
    EXPECT_EQ(objections(whole(run, {}, {})), "");
}

TEST(ResultsJson, SchemaObjectsToWhatIsMissingOrUnknown) {
    const std::string good = whole(sample_run(), {sample_image()}, {});
    for (const char* path : {"/seed", "/images/0/width", "/images/0/explanations/0/class", "/model/sha256",
                             "/images/0/explanations/0/map/min", "/images/0/explanations/0/boxes/0/score"}) {
        Json json = Json::parse(good);
        const nlohmann::json_pointer<std::string> pointer{std::string(path)};
        json[pointer.parent_pointer()].erase(pointer.back());
        EXPECT_NE(objections(json.dump()), "") << path << " is missing";
    }
    Json json = Json::parse(good);
    json["images"][0]["time"] = "now";
    EXPECT_NE(objections(json.dump()), "");
    json = Json::parse(good);
    json["images"][0]["explanations"][0]["probability"] = 1.5;
    EXPECT_NE(objections(json.dump()), "");
    json = Json::parse(good);
    json["images"][0]["explanations"][0]["sign"] = {{"value", 1}, {"by", "chance"}};
    EXPECT_NE(objections(json.dump()), "");
}

TEST(ResultsJson, NumbersAreTheShortestThatReadBack) {
    EXPECT_EQ(json_number(0.1F).dump(), "0.1") << "a float32, not 0.10000000149011612";
    EXPECT_EQ(json_number(0.1).dump(), "0.1");
    EXPECT_EQ(json_number(1.0 / 3).dump(), "0.3333333333333333");
    EXPECT_EQ(json_number(static_cast<double>(1.0F / 3)).dump(), "0.33333334");
    EXPECT_EQ(json_number(12).dump(), "12.0");
    for (const float value : {1.17549435e-38F, 3.4028235e38F, -7.0385307e-26F, 16777217.0F, 1e-45F, -0.0F}) {
        const Json back = Json::parse(json_number(value).dump());
        EXPECT_EQ(static_cast<float>(back.get<double>()), value);
    }
}

TEST(ResultsJson, NanAndInfinityAreNull) {
    EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
    EXPECT_EQ(json_number(-std::numeric_limits<double>::infinity()).dump(), "null");
    ImageRecord image = sample_image();
    image.explanations[0].map_max = std::numeric_limits<double>::infinity();
    EXPECT_TRUE(Json::parse(image_json(image))["explanations"][0]["map"]["max"].is_null());
}

TEST(ResultsJson, NamesThatAreNotUtf8ShowTheirBytes) {
    ImageRecord image = sample_image("caf\xe9.jpg");
    image.explanations[0].explanation.class_name = "a\"b\\c\n\xff";
    const Json json = Json::parse(image_json(image));
    EXPECT_EQ(json["file"], "caf\\xE9.jpg");
    EXPECT_EQ(json["explanations"][0]["class"]["name"], "a\"b\\c\n\\xFF");
    EXPECT_EQ(Json::parse(failure_json({"\xff", "\xfe"}))["error"], "\\xFE");
}

TEST(ResultsJson, EveryImageIsOneLine) {
    ImageRecord image = sample_image("two\nlines\tand a tab.jpg");
    const std::string line = image_json(image);
    EXPECT_EQ(line.find_first_of("\n\t"), std::string::npos);
    const std::string text = whole(sample_run(), {image, image}, {});
    EXPECT_NE(text.find("\n    " + line + ",\n    " + line + "\n"), std::string::npos);
}

TEST(ResultsJson, AStoppedRunSaysHowFarItCame) {
    const Json json = Json::parse(whole(sample_run(), {sample_image()}, {}, Progress{1, 9}));
    EXPECT_EQ(json["unfinished"].dump(), R"({"done":1,"inputs":9})");
}

}  // namespace
}  // namespace locus::report
