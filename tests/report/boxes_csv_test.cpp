#include "report/boxes_csv.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/results_json.hpp"
#include "sample_run.hpp"

namespace locus::report {
namespace {

std::string lines_of(const ImageRecord& image) {
    return boxes_csv_lines(nlohmann::ordered_json::parse(image_json(image)));
}

TEST(BoxesCsv, HasALineForEachBox) {
    ImageRecord image = sample_image();
    image.explanations[0].boxes.push_back({1, 2, 3, 4, 0.5});
    EXPECT_EQ(lines_of(image),
              "photos/cat.jpg,2,tabby,1,2.5,0.75,10,20,30,40,0.625,cam\n"
              "photos/cat.jpg,2,tabby,1,2.5,0.75,1,2,3,4,0.5,cam\n");
    image.explanations[0].boxes.clear();
    EXPECT_EQ(lines_of(image), "");
}

TEST(BoxesCsv, HasAsManyColumnsAsItsHead) {
    const auto commas = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
    EXPECT_EQ(commas(boxes_csv_head()), commas(lines_of(sample_image())));
}

TEST(BoxesCsv, QuotesWhatWouldBreakALine) {
    ImageRecord image = sample_image("a,b\"c.jpg");
    image.explanations[0].explanation.class_name = "two\nlines";
    image.explanations[0].explanation.probability.reset();
    EXPECT_EQ(lines_of(image), "\"a,b\"\"c.jpg\",2,\"two\nlines\",1,2.5,,10,20,30,40,0.625,cam\n");
}

}  // namespace
}  // namespace locus::report
