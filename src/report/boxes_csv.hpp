#pragma once

/// boxes.csv: a line for each box, for spreadsheets and shell scripts (RFC 4180; UTF-8; lines end in \n).

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace locus::report {

/// file,class_index,class_name,rank,logit,probability,x,y,width,height,score,method
std::string boxes_csv_head();

/// The lines of one image, `image` being an entry of results.json's "images"; none where there is no box.
std::string boxes_csv_lines(const nlohmann::ordered_json& image);

}  // namespace locus::report
