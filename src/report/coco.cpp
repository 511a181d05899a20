#include "report/coco.hpp"

#include <nlohmann/json.hpp>

namespace locus::report {
namespace {
using Json = nlohmann::ordered_json;
}

CocoWriter::CocoWriter(const std::filesystem::path& path) : file_(path) {
    file_.write("{\n  \"info\": {\"description\": \"Boxes by Locus " LOCUS_VERSION "\"},\n  \"images\": [");
}

void CocoWriter::entry(const std::string& text) {
    file_.write(first_ ? "\n    " : ",\n    ");
    file_.write(text);
    first_ = false;
}

void CocoWriter::image(std::size_t id, const Json& image) {
    for (const Json& e : image.at("explanations")) {
        const int index = e.at("class").at("index").get<int>();
        const Json& name = e.at("class").at("name");
        // pycocotools wants a name for every category.
        categories_.try_emplace(index, name.is_null() ? std::to_string(index) : name.get<std::string>());
    }
    entry(
        Json{{"id", id}, {"file_name", image.at("file")}, {"width", image.at("width")}, {"height", image.at("height")}}
            .dump());
}

void CocoWriter::begin_annotations() {
    in_annotations_ = true;
    file_.write(first_ ? "],\n  \"categories\": [" : "\n  ],\n  \"categories\": [");
    first_ = true;
    for (const auto& [index, name] : categories_) entry(Json{{"id", index}, {"name", name}}.dump());
    file_.write(first_ ? "],\n  \"annotations\": [" : "\n  ],\n  \"annotations\": [");
    first_ = true;
}

void CocoWriter::annotations(std::size_t id, const Json& image) {
    if (!in_annotations_) begin_annotations();
    for (const Json& e : image.at("explanations"))
        for (const Json& box : e.at("boxes")) {
            const auto width = box.at("width").get<std::int64_t>();
            const auto height = box.at("height").get<std::int64_t>();
            // Numbers start at 1: COCOeval takes an id of 0 for "no match".
            entry(Json{{"id", ++annotation_},
                       {"image_id", id},
                       {"category_id", e.at("class").at("index")},
                       {"bbox", {box.at("x"), box.at("y"), width, height}},
                       {"area", width * height},
                       {"iscrowd", 0},
                       {"score", box.at("score")},
                       {"rank", e.at("rank")},
                       {"probability", e.at("probability")}}
                      .dump());
        }
}

void CocoWriter::commit() {
    if (!in_annotations_) begin_annotations();
    file_.write(first_ ? "]\n}\n" : "\n  ]\n}\n");
    file_.commit();
}

}  // namespace locus::report
