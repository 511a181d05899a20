#include "evaluate/truth/truth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "evaluate/truth/mask.hpp"
#include "evaluate/truth/xml.hpp"
#include "image/sample_files.hpp"
#include "locus/error.hpp"
#include "locus/image.hpp"
#include "support/scratch_folder.hpp"

namespace locus::evaluate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Truths : public testing::Test {
protected:
    std::filesystem::path write(const std::string& name, const std::string& text) { return folder_.write(name, text); }
    std::string complaint_of(const std::filesystem::path& file) {
        return test::error_of([&] { read_boxes(file); });
    }
    test::ScratchFolder folder_;
};

TEST_F(Truths, CsvWithSizesAndSeveralBoxesAnImage) {
    const TruthList truths = read_boxes(write("b.csv",
                                              "file,width,height,x0,y0,x1,y1\n"
                                              "a/cat.jpg,100,50,0,0,99,49\n"
                                              "a/cat.jpg,100,50,5,6,5,7\n"
                                              "b/cat.jpg,10,20,,,,\n"));
    ASSERT_EQ(truths.all().size(), 2U);
    const Truth& cat = *truths.find("a/cat.npy");
    EXPECT_EQ(cat.width, 100);
    EXPECT_THAT(cat.boxes, ElementsAre(Box{0, 0, 100, 50}, Box{5, 6, 1, 2}));
    EXPECT_TRUE(truths.find("b/cat.png")->boxes.empty());
    EXPECT_EQ(truths.find("c/cat.png"), nullptr);
    EXPECT_EQ(truths.find("cat"), nullptr) << "two images have this name";
}

TEST_F(Truths, CsvByPathWithoutSizes) {
    const TruthList truths = read_boxes(write("b.csv", "path,x0,y0,x1,y1\nval/x_1.JPEG,10,19,63,42\n"));
    EXPECT_EQ(truths.find("./val/x_1.JPEG")->width, 0);
    EXPECT_THAT(truths.find("x_1.npy")->boxes, ElementsAre(Box{10, 19, 54, 24}));
}

TEST_F(Truths, AWrongHeaderIsShownWithTheRightOne) {
    EXPECT_THAT(complaint_of(write("b.csv", "name,left,top\na,1,2\n")),
                testing::AllOf(HasSubstr("name,left,top"), HasSubstr("file,width,height,x0,y0,x1,y1")));
}

TEST_F(Truths, WrongRowsAreNamedByLine) {
    EXPECT_THAT(complaint_of(write("b.csv", "path,x0,y0,x1,y1\na,0,0,1,1\nb,5,0,1,1\n")), HasSubstr("line 3"));
    EXPECT_THAT(complaint_of(write("b.csv", "path,x0,y0,x1,y1\na,0,zero,1,1\n")), HasSubstr("line 2"));
    EXPECT_THAT(complaint_of(write("b.csv", "file,width,height,x0,y0,x1,y1\na,0,5,0,0,1,1\n")), HasSubstr("line 2"));
    EXPECT_THAT(complaint_of(write("b.csv", "file,width,height,x0,y0,x1,y1\na,4,5,0,0,1,1\na,4,6,0,0,1,1\n")),
                HasSubstr("line 3"));
    EXPECT_THAT(complaint_of(folder_ / "none.csv"), HasSubstr("not there"));
    // What no decoder takes is no image's size: maps of it would take all memory.
    EXPECT_THAT(complaint_of(write("b.csv", "file,width,height,x0,y0,x1,y1\na,60000,60000,0,0,1,1\n")),
                HasSubstr("an image of 60000 x 60000 pixels cannot be"));
    EXPECT_THAT(complaint_of(write("b.json", R"({"images": [{"id": 1, "file_name": "a", "width": -4, "height": 9}],
                                             "annotations": []})")),
                HasSubstr("-4 x 9 pixels"));
}

TEST_F(Truths, ABoxOutsideOfItsImageIsRefused) {
    for (const char* corners : {"200,200,230,240", "100,0,120,9", "0,-30,9,-5"}) {
        EXPECT_THAT(complaint_of(write("b.csv", std::string("file,width,height,x0,y0,x1,y1\na.jpg,100,80,0,0,9,9\n"
                                                            "a.jpg,100,80,") +
                                                    corners + "\n")),
                    testing::AllOf(HasSubstr("line 3: the box of 'a.jpg' from ("),
                                   HasSubstr("lies outside of its 100 x 80 pixels")));
    }
    const std::string beginning = R"({"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 80}],
                                     "annotations": [{"image_id": 1, "bbox": )";
    EXPECT_THAT(complaint_of(write("b.json", beginning + "[120, 0, 30, 9]}]}")), HasSubstr("lies outside of its 100"));
    EXPECT_EQ(complaint_of(write("b.json", beginning + "[99.6, 0, 0.4, 9]}]}")), "") << "a sliver at the edge";
    write("xml/a.xml",
          "<annotation><filename>a.jpg</filename><size><width>50</width><height>40</height></size><object><bndbox>"
          "<xmin>60</xmin><ymin>2</ymin><xmax>70</xmax><ymax>20</ymax></bndbox></object></annotation>");
    EXPECT_THAT(complaint_of(folder_ / "xml"), HasSubstr("lies outside of its 50 x 40 pixels"));
}

TEST_F(Truths, FractionsOfCornersAreRounded) {
    const TruthList truths = read_boxes(write("b.csv", "path,x0,y0,x1,y1\na.jpg,1.4,2.5,30.6,40.5\n"));
    EXPECT_THAT(truths.find("a.jpg")->boxes, ElementsAre(Box{1, 3, 31, 39}));
}

TEST_F(Truths, CocoBoxesAreContinuous) {
    const TruthList truths =
        read_boxes(write("b.json", R"({"images": [{"id": 7, "file_name": "a.jpg", "width": 30, "height": 20}],
        "annotations": [{"image_id": 7, "bbox": [2, 3, 10, 5]}, {"image_id": 7, "bbox": [0.6, 0, 1.2, 1], "iscrowd": 0},
                        {"image_id": 7, "bbox": [0, 0, 9, 9], "iscrowd": 1}, {"image_id": 8, "bbox": [0, 0, 9, 9]},
                        {"image_id": 7, "bbox": [0, 0, 0, 9]}]})"));
    // 0.6 ... 1.8 holds the centre of pixel 1 (1.5) and not that of pixel 0 (0.5).
    EXPECT_THAT(truths.find("a.png")->boxes, ElementsAre(Box{2, 3, 10, 5}, Box{1, 0, 1, 1}));
    EXPECT_EQ(truths.remarks.size(), 2U);
    EXPECT_THAT(complaint_of(write("e.json", R"({"images": [{"id": 7, "file_name": "a"}], "annotations": [
        {"image_id": 7, "bbox": [0, 0, 9, 9]}, {"image_id": 7}]})")),
                HasSubstr("entry 1 of its annotations cannot be used"));
    EXPECT_THAT(complaint_of(write("c.json", "{\"images\": 3}")), HasSubstr("COCO"));
    EXPECT_THAT(complaint_of(write("d.json", "not json")), HasSubstr("COCO"));
}

TEST_F(Truths, VocCountsFromOneAndIlsvrcFromZero) {
    const std::string object =
        "<object><name>dog</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>20</ymax></bndbox></object>";
    write("xml/voc.xml",
          "<?xml version=\"1.0\"?><annotation><filename>v.jpg</filename><source><database>The VOC2007 "
          "Database</database></source>"
          "<size><width>50</width><height>40</height></size>" +
              object + "</annotation>");
    write("xml/n01/ILSVRC2012_val_1.xml",
          "<annotation><source><database>ILSVRC_2012</database></source>" + object + object + "</annotation>");
    write("xml/broken.xml", "<annotation><object></annotation>");
    write("xml/other.xml", "<html/>");
    const TruthList truths = read_boxes(folder_ / "xml");
    EXPECT_THAT(truths.find("somewhere/v.png")->boxes, ElementsAre(Box{0, 1, 10, 19}));
    EXPECT_EQ(truths.find("v")->width, 50);
    EXPECT_EQ(truths.find("n01/ILSVRC2012_val_1.JPEG")->boxes.size(), 2U);
    EXPECT_EQ(truths.find("ILSVRC2012_val_1.npy")->boxes[0], (Box{1, 2, 10, 19}));
    EXPECT_EQ(truths.remarks.size(), 2U);
    EXPECT_THAT(truths.remarks[0], HasSubstr("broken.xml"));
}

TEST_F(Truths, ALinkThatLeadsInACircleCostsItselfAlone) {
    const std::string box =
        "<object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>";
    write("xml/a.xml", "<annotation><filename>a.jpg</filename>" + box + "</annotation>");
    std::filesystem::create_symlink("loop.xml", folder_ / "xml/loop.xml");
    TruthList truths = read_boxes(folder_ / "xml");
    EXPECT_EQ(truths.all().size(), 1U);
    EXPECT_THAT(truths.remarks, ElementsAre(HasSubstr("loop.xml' cannot be read")));
    write("masks/a.png", "");
    std::filesystem::create_symlink("loop.png", folder_ / "masks/loop.png");
    add_masks(truths, folder_ / "masks");
    EXPECT_EQ(truths.find("a.jpg")->mask, folder_ / "masks/a.png");
    EXPECT_THAT(test::error_of([&] { read_mask(truths.find("loop.png")->mask); }), HasSubstr("symbolic links"));
}

TEST_F(Truths, XmlOfLikeNamesInSeveralFoldersIsOfSeveralImages) {
    const auto annotation = [](int x) {
        return "<annotation><filename>1.jpg</filename><object><bndbox><xmin>" + std::to_string(x) +
               "</xmin><ymin>1</ymin><xmax>20</xmax><ymax>9</ymax></bndbox></object></annotation>";
    };
    write("xml/ant/1.xml", annotation(1));
    write("xml/bee/1.xml", annotation(11));
    const TruthList truths = read_boxes(folder_ / "xml");
    EXPECT_EQ(truths.all().size(), 2U);
    EXPECT_THAT(truths.find("ant/1.png")->boxes, ElementsAre(Box{0, 0, 20, 9}));
    EXPECT_THAT(truths.find("bee/1.png")->boxes, ElementsAre(Box{10, 0, 10, 9}));
}

TEST_F(Truths, MasksBelongToImagesOfTheirName) {
    TruthList truths = read_boxes(write("b.csv", "path,x0,y0,x1,y1\na/x.jpg,0,0,1,1\n"));
    write("masks/a/x.png", "");
    write("masks/new.png", "");
    add_masks(truths, folder_ / "masks");
    EXPECT_EQ(truths.find("a/x")->mask, folder_ / "masks/a/x.png");
    EXPECT_EQ(truths.find("new.jpg")->mask, folder_ / "masks/new.png");
    EXPECT_EQ(truths.all().size(), 2U);
    EXPECT_THROW(add_masks(truths, folder_ / "nowhere"), Error);
}

TEST_F(Truths, TwoMasksThatFitOneImageAreRefusedAndNamed) {
    TruthList truths = read_boxes(write("b.csv", "path,x0,y0,x1,y1\na.jpg,0,0,1,1\n"));
    const auto first = write("masks/x/a.png", ""), second = write("masks/y/a.png", "");
    EXPECT_THAT(test::error_of([&] { add_masks(truths, folder_ / "masks"); }),
                HasSubstr("'" + first.string() + "' and '" + second.string() + "' may both be the mask of 'a.jpg'"));
    TruthList alone;
    write("masks/a.png", "");
    add_masks(alone, folder_ / "masks");
    EXPECT_EQ(alone.all().size(), 3U) << "without boxes each is of an image of its own";
}

TEST_F(Truths, ImagesThatDifferInTheirEndingHaveTheirOwnBoxesAndMasks) {
    TruthList truths = read_boxes(write("b.csv", "path,x0,y0,x1,y1\n1/x.png,0,0,1,1\n1/x.jpg,0,0,3,3\n"));
    EXPECT_THAT(truths.find("1/x.png")->boxes, ElementsAre(Box{0, 0, 2, 2}));
    EXPECT_THAT(truths.find("1/x.jpg")->boxes, ElementsAre(Box{0, 0, 4, 4}));
    const auto mask = write("masks/1/x.jpg.png", "");
    add_masks(truths, folder_ / "masks");
    EXPECT_EQ(truths.find("1/x.jpg")->mask, mask);
    EXPECT_TRUE(truths.find("1/x.png")->mask.empty());
    write("more/1/x.png", "");
    EXPECT_THAT(test::error_of([&] { add_masks(truths, folder_ / "more"); }),
                HasSubstr("may be '1/x.png' or '1/x.jpg'"));
}

TEST_F(Truths, MasksOfFewBitsAreRefused) {
    // In one bit, 1 is white, and read as 8 bits it would be 255: left out instead of object.
    const std::vector<std::uint8_t> row{0x40};  // 0, 1
    const auto png =
        image::sample::png(row, 1, image::sample::png_of(2, 1, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE));
    const std::string bytes(reinterpret_cast<const char*>(png.data()), png.size());
    const auto error = test::error_of([&] { read_mask(write("one-bit.png", bytes)); });
    EXPECT_THAT(error, HasSubstr("less than 8 bits a pixel"));
}

TEST_F(Truths, LabelsOfMasksAreReadAsTheyAreStored) {
    const std::vector<std::uint8_t> labels{0, 1, 255, 1, 1, 0, 0, 255, 1};
    const auto mask_of = [&](const std::string& name, int interlace, png_fixed_point gamma) {
        const auto bytes = image::sample::png(labels, 3, [&](png_structp codec, png_infop info) {
            image::sample::png_of(3, 3, 8, PNG_COLOR_TYPE_GRAY, interlace)(codec, info);
            if (gamma != 0) png_set_gAMA_fixed(codec, info, gamma);
        });
        return read_mask(write(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())));
    };
    for (const int interlace : {PNG_INTERLACE_NONE, PNG_INTERLACE_ADAM7}) {
        for (const png_fixed_point gamma : {0, 30000, 45455, 55556, 100000}) {  // of 0.3, 1 / 2.2, 1 / 1.8 and 1
            const Mask mask = mask_of("mask.png", interlace, gamma);
            EXPECT_EQ(mask.width, 3);
            EXPECT_EQ(mask.height, 3);
            EXPECT_EQ(mask.values, labels) << "gamma " << gamma << ", interlace " << interlace;
        }
    }
}

TEST_F(Truths, MasksWithMoreThanLabelsAreRefused) {
    const auto complaint = [&](const std::vector<std::uint8_t>& rows, int bits, int type, bool transparent = false) {
        const auto bytes = image::sample::png(rows, rows.size(), [&](png_structp codec, png_infop info) {
            image::sample::png_of(1, 1, bits, type)(codec, info);
            png_color_16 none{};
            if (transparent) png_set_tRNS(codec, info, nullptr, 0, &none);
            const png_color black{};
            if (type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(codec, info, &black, 1);
        });
        const auto file = write("mask.png", std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
        return test::error_of([&] { read_mask(file); });
    };
    EXPECT_EQ(complaint({1}, 8, PNG_COLOR_TYPE_GRAY), "");
    EXPECT_THAT(complaint({7}, 8, PNG_COLOR_TYPE_GRAY), HasSubstr("it has the value 7; 0, 1 and 255"));
    EXPECT_THAT(complaint({1, 1}, 16, PNG_COLOR_TYPE_GRAY), HasSubstr("it is not grey with 8 bits"));
    EXPECT_THAT(complaint({1, 255}, 8, PNG_COLOR_TYPE_GRAY_ALPHA), HasSubstr("it is not grey with 8 bits"));
    EXPECT_THAT(complaint({1}, 8, PNG_COLOR_TYPE_GRAY, true), HasSubstr("it is not grey with 8 bits"));
    EXPECT_THAT(complaint({1, 1, 1}, 8, PNG_COLOR_TYPE_RGB), HasSubstr("it is not grey with 8 bits"));
    EXPECT_THAT(complaint({0}, 8, PNG_COLOR_TYPE_PALETTE), HasSubstr("it is not grey with 8 bits"));
    EXPECT_THAT(test::error_of([&] { read_mask(write("mask.png", "no picture")); }), HasSubstr("cannot be used"));
    EXPECT_THAT(test::error_of([&] { read_mask(folder_ / "none.png"); }), HasSubstr("No such file"));
}

TEST(Xml, ReadsTextEntitiesAndEmptyElements) {
    const XmlElement root = parse_xml("<?xml?><!-- <x> --><a b='1'> &lt;x&gt; &amp; <c/><d>1<!-- 2 --></d></a>");
    EXPECT_EQ(root.text, "<x> &");
    EXPECT_EQ(root.children.size(), 2U);
    EXPECT_EQ(root.text_of("d"), "1");
    EXPECT_EQ(root.child("e"), nullptr);
}

TEST(Xml, WhatIsInCdataIsTextAsItStands) {
    const XmlElement root =
        parse_xml("<a><![CDATA[<!DOCTYPE> ]]><b>x<![CDATA[<&lt;>]]]>.jpg</b><c><![CDATA[]]></c></a>");
    EXPECT_EQ(root.text_of("b"), "x<&lt;>].jpg");
    EXPECT_EQ(root.text_of("c"), "");
    EXPECT_EQ(root.text, "<!DOCTYPE>");
    EXPECT_THROW(parse_xml("<a><![CDATA[x></a>"), Error);
}

TEST(Xml, RefusesWhatIsNotWellFormed) {
    for (const char* text : {"", "text", "<a>", "<a></b>", "</a>", "<a", "<!-- x"})
        EXPECT_THROW(parse_xml(text), Error) << text;
    std::string deep;
    for (int i = 0; i < 1000; ++i) deep += "<a>";
    EXPECT_THROW(parse_xml(deep), Error);
}

}  // namespace
}  // namespace locus::evaluate
