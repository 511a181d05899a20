#include "report/coco.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "locus/error.hpp"
#include "report/results_json.hpp"
#include "sample_run.hpp"
#include "support/scratch_folder.hpp"

namespace locus::report {
namespace {

using Json = nlohmann::ordered_json;

Json coco_of(const std::vector<ImageRecord>& images) {
    const test::ScratchFolder folder;
    CocoWriter coco(folder / "boxes.coco.json");
    for (std::size_t i = 0; i < images.size(); ++i) coco.image(i + 1, Json::parse(image_json(images[i])));
    coco.commit();
    return Json::parse(test::contents(folder / "boxes.coco.json"));
}

TEST(Coco, HasTheTablesThatPycocotoolsReads) {
    ImageRecord second = sample_image("dog.jpg");
    second.explanations[0].explanation.class_index = 0;
    second.explanations[0].explanation.class_name.clear();
    second.explanations[0].boxes.push_back({1, 2, 3, 4, 0.5});
    const Json coco = coco_of({sample_image(), second});
    EXPECT_EQ(coco["images"][0].dump(), R"({"id":1,"file_name":"photos/cat.jpg","width":640,"height":480})");
    EXPECT_EQ(coco["categories"].dump(), R"([{"id":0,"name":"0"},{"id":2,"name":"tabby"}])");
    ASSERT_EQ(coco["annotations"].size(), 3U);
    EXPECT_EQ(coco["annotations"][0].dump(),
              R"({"id":1,"image_id":1,"category_id":2,"bbox":[10,20,30,40],"area":1200,"iscrowd":0,"score":0.625,)"
              R"("rank":1,"probability":0.75,"method":"cam"})");
    EXPECT_EQ(coco["annotations"][2]["image_id"], 2);
    EXPECT_EQ(coco["annotations"][2]["bbox"], Json({1, 2, 3, 4}));
}

TEST(Coco, KeepsImagesWithoutBoxes) {
    ImageRecord none = sample_image();
    none.explanations[0].boxes.clear();
    const Json coco = coco_of({none});
    EXPECT_EQ(coco["images"].size(), 1U);
    EXPECT_EQ(coco["categories"].size(), 1U);
    EXPECT_TRUE(coco["annotations"].empty());
}

TEST(Coco, EmptyRunsGiveEmptyTables) {
    const Json coco = coco_of({});
    for (const char* table : {"images", "categories", "annotations"})
        EXPECT_TRUE(coco[table].is_array() && coco[table].empty());
}

TEST(Coco, ManyBoxesAreListedBehindAllImages) {
    std::vector<ImageRecord> images(3000, sample_image());  // more than a buffer of text
    const Json coco = coco_of(images);
    ASSERT_EQ(coco["images"].size(), images.size());
    ASSERT_EQ(coco["annotations"].size() % images.size(), 0U);
    for (std::size_t i = 0; i < coco["annotations"].size(); ++i) ASSERT_EQ(coco["annotations"][i]["id"], i + 1);
    EXPECT_EQ(coco["annotations"].back()["image_id"], images.size());
}

}  // namespace
}  // namespace locus::report
