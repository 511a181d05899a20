/// What is found in the data, and the sentences about what is not right with them.

#include "train/data/training_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "color_photos.hpp"
#include "error_of.hpp"
#include "support/grey_tiff.hpp"

namespace locus::train {
namespace {

using test::bitmap;
using test::error_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class TrainingDataOf : public testing::Test {
protected:
    void SetUp() override { test::write_colors(folder, "train", 3); }

    /// Of folder / `source`; `said` holds the lines of progress.
    TrainingData load(const std::string& source, const std::string& validation = "") {
        TrainOptions options;
        options.data = {folder / source};
        if (!validation.empty()) options.validation = {folder / validation};
        options.validation_boxes = boxes;
        options.sample_bits = bits;
        said.clear();
        options.say = [&](const std::string& line) { said += line + "\n"; };
        return load_training_data(options, 1);
    }
    std::string complaint(const std::string& source, const std::string& validation = "") {
        return error_of([&] { load(source, validation); });
    }
    /// A table beside the folder `train`.
    std::string complaint_about_table(const std::string& table) {
        folder.write("table.csv", table);
        return complaint("table.csv");
    }

    test::ScratchFolder folder;
    std::filesystem::path boxes;
    int bits = 0;
    std::string said;
};

TEST_F(TrainingDataOf, AClassFolderWithATextFileNamesItAndGoesOn) {
    folder.write("train/red/notes.txt", "taken in May");
    EXPECT_EQ(load("train").photos->samples().size(), 9U);
    EXPECT_THAT(said, HasSubstr("1 file passed over, not named as an image: "));
    EXPECT_THAT(said, HasSubstr("train/red/notes.txt"));
}

TEST_F(TrainingDataOf, FilesOfTheValidationDataAreNamedAsWell) {
    test::write_colors(folder, "val", 1);
    folder.write("val/blue/Thumbs.db", "");
    load("train", "val");
    EXPECT_THAT(said, HasSubstr("validation: 1 file passed over, not named as an image: "));
    EXPECT_THAT(said, HasSubstr("val/blue/Thumbs.db"));
}

TEST_F(TrainingDataOf, AnImageBesideTheFoldersIsNamedAndPassedOver) {
    folder.write("train/beside.bmp", bitmap(8, 1, 2, 3, 4));
    EXPECT_EQ(load("train").photos->samples().size(), 9U);
    EXPECT_THAT(said, HasSubstr("1 image passed over, beside the folders of classes and so of none: "));
    EXPECT_THAT(said, HasSubstr("beside.bmp"));
}

TEST_F(TrainingDataOf, AnEmptyClassFolderIsAClassWithoutImages) {
    std::filesystem::create_directories(folder / "train/yellow");
    const TrainingData data = load("train");
    EXPECT_THAT(data.classes.names(), testing::ElementsAre("blue", "green", "red", "yellow"));
    EXPECT_THAT(said, HasSubstr("1 class without images: yellow"));
    EXPECT_THAT(said, HasSubstr("9 photos of 4 classes to train on"));
}

TEST_F(TrainingDataOf, OneClassAloneIsRefused) {
    folder.write("one/x/1.bmp", bitmap(8, 1, 2, 3, 4));
    EXPECT_THAT(complaint("one"), HasSubstr("usage: the data have one class, 'x'; there is nothing to tell apart"));
    std::filesystem::create_directories(folder / "one/y");
    EXPECT_THAT(complaint("one"), HasSubstr("usage: the data hold images of one class alone, 'x'"));
}

TEST_F(TrainingDataOf, FoldersWithoutAnyImageAreRefused) {
    std::filesystem::create_directories(folder / "none/a");
    std::filesystem::create_directories(folder / "none/b");
    EXPECT_THAT(complaint("none"), AllOf(HasSubstr("io: "), HasSubstr("none: holds no image")));
    EXPECT_THAT(complaint("nowhere"), AllOf(HasSubstr("io: "), HasSubstr("nowhere: is not there")));
}

TEST_F(TrainingDataOf, PhotosOfWhichNoneCanBeReadAreRefused) {
    for (const std::string name : {"broken/a/1.jpg", "broken/b/2.jpg"}) folder.write(name, "\xFF\xD8\xFF nothing");
    EXPECT_THAT(complaint("broken"),
                AllOf(HasSubstr("image: none of the 2 photos can be read; the first: "), HasSubstr("1.jpg")));
    folder.write("val/red/1.jpg", "");
    EXPECT_THAT(complaint("train", "val"), HasSubstr("image: validation: none of the 1 photos can be read;"));
}

TEST_F(TrainingDataOf, AMissingLabelIsNamedWithItsLine) {
    EXPECT_THAT(complaint_about_table("path,label\ntrain/red/0.bmp,red\ntrain/blue/0.bmp,\n"),
                HasSubstr("table.csv, line 3: 'train/blue/0.bmp' has no label"));
    EXPECT_THAT(complaint_about_table("path,label\ntrain/red/0.bmp,red\ntrain/blue/0.bmp,  \n"),
                HasSubstr("table.csv, line 3: 'train/blue/0.bmp' has no label"));
    EXPECT_THAT(complaint_about_table("path,label\ntrain/red/0.bmp,red\ntrain/blue/0.bmp\n"),
                HasSubstr("table.csv, line 3: 1 field where the header has 2"));
    EXPECT_THAT(complaint_about_table("path,label\ntrain/red/0.bmp,red\ntrain/blue/9.bmp,blue\n"),
                AllOf(HasSubstr("table.csv, line 3: the image "), HasSubstr("train/blue/9.bmp is not there")));
    EXPECT_THAT(complaint_about_table("path,labels\ntrain/red/0.bmp,\ntrain/blue/0.bmp,;\n"),
                HasSubstr("table.csv: its images have no label at all"));
}

TEST_F(TrainingDataOf, BlanksRoundALabelAreNotPartOfIt) {
    folder.write("table.csv", "path,label\ntrain/red/0.bmp, red\ntrain/red/1.bmp,red \ntrain/blue/0.bmp,blue\n");
    EXPECT_THAT(load("table.csv").classes.names(), testing::ElementsAre("blue", "red"));
}

TEST_F(TrainingDataOf, AWrongHeaderIsNamed) {
    EXPECT_THAT(complaint_about_table("train/red/0.bmp,red\ntrain/blue/0.bmp,blue\n"),
                AllOf(HasSubstr("table.csv: has no column 'path'"), HasSubstr("train/red/0.bmp")));
    EXPECT_THAT(complaint_about_table("path,colour\ntrain/red/0.bmp,red\n"),
                HasSubstr("table.csv: has no column 'label' or 'labels'"));
    EXPECT_THAT(complaint_about_table(""), HasSubstr("table.csv: is empty; a CSV file begins with a header row"));
    EXPECT_THAT(complaint_about_table("path,label\n"), HasSubstr("table.csv: holds no image"));
}

TEST_F(TrainingDataOf, ValidationOfAClassThatIsNotTrainedIsRefused) {
    folder.write("val/purple/0.bmp", bitmap(8, 120, 0, 120, 1));
    EXPECT_THAT(complaint("train", "val"), AllOf(HasSubstr("usage: validation: "), HasSubstr("purple/0.bmp"),
                                                 HasSubstr("'purple', which is not in the list of classes")));
}

TEST_F(TrainingDataOf, BoxesAreFoundByOtherEndingsAndWithoutFolders) {
    test::write_colors(folder, "val", 1);
    folder.write("val/red/only.bmp", bitmap(8, 120, 60, 60, 9));
    boxes = folder.write("boxes.csv", "file,x0,y0,x1,y1\n./red/0.JPEG,1,2,3,4\nonly.png,0,0,7,7\n");
    const TrainingData data = load("train", "val");
    ASSERT_NE(data.boxes->find("red/0.bmp"), nullptr);
    EXPECT_THAT(data.boxes->find("red/0.bmp")->boxes, testing::ElementsAre(Box{1, 2, 3, 3}));
    EXPECT_NE(data.boxes->find("red/only.bmp"), nullptr);
    EXPECT_THAT(said, HasSubstr("boxes.csv: has boxes for 2 of the 4 validation photos"));
}

TEST_F(TrainingDataOf, BoxesOfWhichNoneFitsAreRefused) {
    test::write_colors(folder, "val", 1);
    boxes = folder.write("boxes.csv", "path,x0,y0,x1,y1\nval/yellow/7.bmp,1,2,3,4\n");
    EXPECT_THAT(complaint("train", "val"),
                AllOf(HasSubstr("usage: "), HasSubstr("boxes.csv: has a box for none of the 3 validation photos: "
                                                      "'blue/0.bmp' is a photo, and the boxes begin with "
                                                      "'val/yellow/7.bmp'")));
    EXPECT_THAT(complaint("train"), HasSubstr("usage: --val-boxes has the boxes of validation photos"));
}

TEST_F(TrainingDataOf, PhotosOfTwelveBitsAreToldOfAndPutRight) {
    const std::vector<int> samples(64, 4095);
    for (const char* name : {"train/red/a.tif", "train/red/b.tif"}) folder.write(name, test::grey_tiff(8, 8, samples));
    const auto shade_of_a = [](const TrainingData& data) {
        const auto& photos = data.photos->samples();
        const auto a = std::ranges::find_if(photos, [](const auto& photo) { return photo.name.ends_with("a.tif"); });
        return int{data.photos->photo(static_cast<std::size_t>(a - photos.begin()))->rgb.front()};
    };
    EXPECT_EQ(shade_of_a(load("train")), 16);
    EXPECT_THAT(said, AllOf(HasSubstr("warning: "), HasSubstr("red/a.tif"), HasSubstr("give --bits 12"),
                            HasSubstr("; so of 2 photos in all"), Not(HasSubstr("red/b.tif"))));
    bits = 12;
    EXPECT_EQ(shade_of_a(load("train")), 255);
    EXPECT_THAT(said, Not(HasSubstr("warning: ")));
    test::write_colors(folder, "eight", 1);
    load("eight");
    EXPECT_THAT(said, HasSubstr("warning: --bits 12 changes nothing"));
}

TEST_F(TrainingDataOf, BoxesMayBeCocos) {
    test::write_colors(folder, "val", 1);
    boxes = folder.write("boxes.json", R"({"images": [{"id": 1, "file_name": "red/0.bmp"}],
                                           "annotations": [{"image_id": 1, "bbox": [2, 3, 4, 5]}]})");
    EXPECT_THAT(load("train", "val").boxes->find("red/0.bmp")->boxes, testing::ElementsAre(Box{2, 3, 4, 5}));
}

}  // namespace
}  // namespace locus::train
