/// metrics.json against docs/metrics.schema.json.

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "evaluate/results.hpp"
#include "support/schema.hpp"

namespace locus::evaluate {
namespace {

nlohmann::json schema() {
    nlohmann::json text;
    std::ifstream(LOCUS_METRICS_SCHEMA) >> text;
    return text;
}

std::string objections(const nlohmann::json& document) { return test::objections(LOCUS_METRICS_SCHEMA, document); }

/// A run in which every metric has a value, one image failed and one value is no number.
nlohmann::json sample() {
    RunDescription run;
    run.version = "test";
    run.data = "val.tar; boxes val.csv";
    run.localization.metrics = metrics();
    run.localization.step = 0.1;
    run.summary = {.step = 0.1, .seed = 1, .resamples = 5};
    run.remarks = {"\xff is no UTF-8"};
    std::vector<ImageRecord> records(3);
    for (std::size_t i = 0; i < 2; ++i) {
        records[i].index = i;
        records[i].name = std::to_string(i) + ".jpg";
        records[i].label = i == 0 ? "ant" : "bee";
        for (int row = 0; row < 3; ++row) {
            ImageScores& scores = records[i].rows.emplace_back();
            for (const Metric& metric : metrics()) {
                if (metric.pooling == Pooling::mean || metric.pooling == Pooling::percent)
                    scores.values[metric.name] = static_cast<double>(row + 1) / 3;
            }
            scores.hits.emplace();
            scores.hits->maximum = 255;
            scores.pixels = {{1, 2, 3}, {5, 4, 0}};
            scores.insertion = {0.1, 0.5, 0.9};
            scores.deletion = {0.9, 0.5, 0.1};
        }
    }
    records[2].index = 2;
    records[2].name = "broken.jpg";
    records[2].error = "is no picture";
    Summary summary =
        summarize(records, {{"net", "cam", false}, {"net", "layer-cam", false}, {"", "whole image", true}},
                  run.localization.metrics, run.summary);
    summary.rows[0].cells["drop"].low = std::numeric_limits<double>::quiet_NaN();
    return nlohmann::json::parse(metrics_json(run, records, summary));
}

TEST(MetricsJson, FitsTheSchema) { EXPECT_EQ(objections(sample()), ""); }

TEST(MetricsJson, TheSchemaKnowsEveryMetricAndNoOther) {
    std::vector<std::string> names;
    for (const Metric& metric : metrics()) names.push_back(metric.name);
    EXPECT_EQ(schema()["definitions"]["metric"]["enum"].get<std::vector<std::string>>(), names);
}

TEST(MetricsJson, TheSchemaObjectsToWhatIsWrong) {
    const auto changed = [](auto change) {
        nlohmann::json json = sample();
        change(json);
        return objections(json);
    };
    EXPECT_NE(changed([](auto& json) { json.erase("rows"); }), "");
    EXPECT_NE(changed([](auto& json) { json["extra"] = 1; }), "");
    EXPECT_NE(changed([](auto& json) { json["metrics"][0]["better"] = "up"; }), "");
    EXPECT_NE(changed([](auto& json) { json["rows"][0]["values"]["drop"]["value"] = "12"; }), "");
    EXPECT_NE(changed([](auto& json) { json["rows"][0]["values"]["f1"] = json["rows"][0]["values"]["drop"]; }), "");
    EXPECT_NE(changed([](auto& json) { json["comparisons"][0]["p"] = 2; }), "");
}

}  // namespace
}  // namespace locus::evaluate
