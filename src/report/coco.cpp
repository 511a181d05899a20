#include "report/coco.hpp"

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

/// Of a table, whose entries stand on a line each.
std::string_view separator(bool is_first) { return is_first ? "\n    " : ",\n    "; }
std::string_view end(bool is_empty) { return is_empty ? "]" : "\n  ]"; }

}  // namespace

CocoWriter::CocoWriter(const std::filesystem::path& path) : file_(path), annotations_(path.parent_path()) {
    file_.write("{\n  \"info\": {\"description\": \"Boxes by Locus " LOCUS_VERSION "\"},\n  \"images\": [");
}

void CocoWriter::image(std::size_t id, const Json& image) {
    file_.write(separator(images_++ == 0));
    file_.write(
        Json{{"id", id}, {"file_name", image.at("file")}, {"width", image.at("width")}, {"height", image.at("height")}}
            .dump());
    for (const Json& e : image.at("explanations")) {
        const int index = e.at("class").at("index").get<int>();
        const Json& name = e.at("class").at("name");
        // pycocotools wants a name for every category.
        categories_.try_emplace(index, name.is_null() ? std::to_string(index) : name.get<std::string>());
        for (const Json& box : e.at("boxes")) {
            const auto width = box.at("width").get<std::int64_t>();
            const auto height = box.at("height").get<std::int64_t>();
            annotations_.write(separator(boxes_++ == 0));
            // Numbers start at 1: COCOeval takes an id of 0 for "no match".
            annotations_.write(Json{
                {"id", boxes_},
                {"image_id", id},
                {"category_id", index},
                {"bbox", {box.at("x"), box.at("y"), width, height}},
                {"area", width * height},
                {"iscrowd", 0},
                {"score", box.at("score")},
                {"rank", e.at("rank")},
                {"probability", e.at("probability")},
                {"method",
                 e.at("method")}}.dump());
        }
    }
}

void CocoWriter::commit() {
    file_.write(end(images_ == 0));
    file_.write(",\n  \"categories\": [");
    bool is_first = true;
    for (const auto& [index, name] : categories_) {
        file_.write(separator(std::exchange(is_first, false)));
        file_.write(Json{{"id", index}, {"name", name}}.dump());
    }
    file_.write(end(categories_.empty()));
    file_.write(",\n  \"annotations\": [");
    annotations_.move_to(file_);
    file_.write(end(boxes_ == 0));
    file_.write("\n}\n");
    file_.commit();
}

}  // namespace locus::report
