#include "report/boxes_csv.hpp"

#include <nlohmann/json.hpp>

#include "text/csv_field.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

std::string field(const Json& value) {
    if (value.is_null()) return "";
    if (!value.is_string()) return value.dump();
    return text::csv_field(value.get_ref<const std::string&>());
}

}  // namespace

std::string boxes_csv_head() {
    return "file,class_index,class_name,rank,logit,probability,x,y,width,height,score,method\n";
}

std::string boxes_csv_lines(const Json& image) {
    std::string lines;
    for (const Json& e : image.at("explanations"))
        for (const Json& box : e.at("boxes")) {
            for (const Json* value : {&image.at("file"), &e.at("class").at("index"), &e.at("class").at("name"),
                                      &e.at("rank"), &e.at("logit"), &e.at("probability"), &box.at("x"), &box.at("y"),
                                      &box.at("width"), &box.at("height"), &box.at("score")})
                lines += field(*value) + ',';
            lines += field(e.at("method")) + '\n';
        }
    return lines;
}

}  // namespace locus::report
