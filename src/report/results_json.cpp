#include "report/results_json.hpp"

#include <nlohmann/json.hpp>

#include "report/json_number.hpp"
#include "text/utf8.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

Json text(const std::string& bytes) { return text::to_utf8(bytes); }

Json text_or_null(const std::string& bytes) { return bytes.empty() ? Json(nullptr) : text(bytes); }

Json number_or_null(const std::optional<double>& value) { return value ? json_number(*value) : Json(nullptr); }

Json model_object(const ModelRecord& model) {
    return {{"file", text(model.file)},
            {"sha256", text(model.sha256)},
            {"pool", text(model.pool)},
            {"input", text(model.input)},
            {"output", text(model.output)},
            {"classes", model.classes},
            {"activation", text(model.activation)}};
}

Json preprocessing_object(const Preprocessing& p, const std::map<std::string, std::string>& found_in) {
    const auto channels = [&](const std::array<float, 3>& values) {
        Json list = Json::array();
        const std::size_t count = p.color == ColorOrder::rgb || p.color == ColorOrder::bgr ? 3 : 1;
        for (std::size_t i = 0; i < count; ++i) list.push_back(json_number(values[i]));
        return list;
    };
    Json object{{"width", p.width},
                {"height", p.height},
                {"mean", channels(p.mean)},
                {"std", channels(p.std)},
                {"range", json_number(p.range)},
                {"resize", std::string(name(p.resize))}};
    if (p.resize != Resize::squash) object["crop_pct"] = json_number(p.crop_pct);
    object["color"] = std::string(name(p.color));
    if (p.color == ColorOrder::other) object["channels"] = p.other_channels;
    object["layout"] = std::string(name(p.layout));
    object["type"] = std::string(name(p.type));
    if (!found_in.empty()) {
        Json sources = Json::object();
        for (const auto& [key, source] : found_in) sources[text::to_utf8(key)] = text(source);
        object["sources"] = std::move(sources);
    }
    return object;
}

Json run_object(const RunRecord& run) {
    Json warnings = Json::array();
    for (const std::string& warning : run.warnings) warnings.push_back(text(warning));
    Json preprocessing = preprocessing_object(run.preprocessing, run.preprocessing_sources);
    if (run.sample_bits != 0) preprocessing["bits"] = run.sample_bits;
    return {{"locus", LOCUS_VERSION},
            {"model", model_object(run.model)},
            {"preprocessing", std::move(preprocessing)},
            {"method", text(run.method)},
            {"layer", text(run.layer)},
            {"seed", run.seed},
            {"threshold", json_number(run.threshold)},
            {"components", text(run.components)},
            {"warnings", std::move(warnings)}};
}

Json explanation_object(const ExplanationRecord& record) {
    const Explanation& e = record.explanation;
    Json found = Json::array();
    for (const Box& box : record.boxes)
        found.push_back({{"x", box.x},
                         {"y", box.y},
                         {"width", box.width},
                         {"height", box.height},
                         {"score", json_number(box.score)}});
    return {{"class", {{"index", e.class_index}, {"name", text_or_null(e.class_name)}}},
            {"rank", e.rank},
            {"logit", json_number(e.logit)},
            {"score", json_number(e.score)},
            {"bias", number_or_null(e.bias)},
            {"probability", number_or_null(e.probability)},
            {"map",
             {{"file", text_or_null(record.map_file)},
              {"width", e.map.width},
              {"height", e.map.height},
              {"min", json_number(record.map_min)},
              {"max", json_number(record.map_max)},
              {"zero", json_number(e.zero)}}},
            {"overlay", text_or_null(record.overlay_file)},
            {"boxes", std::move(found)},
            {"heatmap", text_or_null(record.heatmap_file)},
            {"mask", text_or_null(record.mask_file)},
            {"decomposition", text_or_null(record.decomposition_file)},
            {"method", text(record.method)},
            {"layer", text(record.layer)},
            {"sign", e.sign_by.empty() ? Json(nullptr) : Json{{"value", e.sign}, {"by", text(e.sign_by)}}},
            {"note", text_or_null(e.note)}};
}

}  // namespace

std::string results_head(const RunRecord& run, const std::optional<Progress>& progress) {
    Json head = run_object(run);
    if (progress) head["unfinished"] = {{"done", progress->done}, {"inputs", progress->inputs}};
    std::string lines = head.dump(2);
    lines.resize(lines.size() - 2);  // the end of line and the brace that close it
    return lines + ",\n  \"images\": [";
}

std::string preprocessing_json(const Preprocessing& preprocessing, const std::map<std::string, std::string>& sources) {
    return preprocessing_object(preprocessing, sources).dump();
}

std::string run_json(const RunRecord& run) { return run_object(run).dump(); }

std::string image_json(const ImageRecord& image) {
    Json explanations = Json::array();
    for (const ExplanationRecord& record : image.explanations) explanations.push_back(explanation_object(record));
    const Json object{{"file", text(image.file)},
                      {"width", image.width},
                      {"height", image.height},
                      {"region",
                       {{"x", json_number(image.region.x)},
                        {"y", json_number(image.region.y)},
                        {"width", json_number(image.region.width)},
                        {"height", json_number(image.region.height)}}},
                      {"warning", text_or_null(image.warning)},
                      {"explanations", std::move(explanations)}};
    return object.dump();
}

std::string failure_json(const Failure& failure) {
    return Json{{"file", text(failure.file)}, {"error", text(failure.error)}}.dump();
}

std::string results_separator(bool is_first) { return is_first ? "\n    " : ",\n    "; }

std::string results_middle(bool had_images) { return had_images ? "\n  ],\n  \"failed\": [" : "],\n  \"failed\": ["; }

std::string results_tail(bool had_failures) { return had_failures ? "\n  ]\n}\n" : "]\n}\n"; }

}  // namespace locus::report
