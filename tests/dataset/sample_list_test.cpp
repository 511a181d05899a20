#include "dataset/sample_list.hpp"

#include <cstdio>
#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataset/csv.hpp"
#include "dataset/tar_index.hpp"
#include "evaluate/truth/truth.hpp"
#include "locus/error.hpp"
#include "text/quote.hpp"

namespace locus::dataset {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class Folder : public testing::Test {
protected:
    void SetUp() override {
        const auto* info = testing::UnitTest::GetInstance()->current_test_info();
        root = fs::temp_directory_path() / (std::string("locus-dataset-") + info->test_suite_name() + info->name());
        fs::remove_all(root);
        fs::create_directories(root);
    }
    void TearDown() override { fs::remove_all(root); }

    fs::path write(const fs::path& name, const std::string& content) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream(root / name, std::ios::binary) << content;
        return root / name;
    }

    fs::path root;
};

/// A ustar member: header, content, padding to 512 bytes.
std::string tar_member(const std::string& name, const std::string& content, char type = '0') {
    std::string header(512, '\0');
    const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
    put(0, name.substr(0, 100));
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    char octal[16];
    std::snprintf(octal, sizeof octal, "%011zo", content.size());
    put(124, octal);
    put(136, "00000000000");
    put(148, "        ");
    header[156] = type;
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(octal, sizeof octal, "%06o", sum);
    put(148, std::string(octal) + '\0' + ' ');
    std::string padded = content;
    padded.resize((content.size() + 511) / 512 * 512, '\0');
    return header + padded;
}

std::string text_of(const Sample& sample) {
    const auto bytes = read_bytes(sample);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string sentence_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    return "nothing thrown";
}

using Tar = Folder;
using SampleListing = Folder;
using Tables = Folder;

TEST_F(Tar, MembersLieWhereTheIndexSays) {
    const fs::path file = write("a.tar", tar_member("a/", "", '5') + tar_member("a/one.jpg", "first") +
                                             tar_member("b/two.jpg", std::string(600, 'x')) + std::string(1024, '\0'));
    const auto members = index_tar(file);
    ASSERT_EQ(members.size(), 2U);
    EXPECT_EQ(members[0].name, "a/one.jpg");
    EXPECT_EQ(members[0].offset, 1024U);  // behind the folder's header and its own
    EXPECT_EQ(members[1].size, 600U);
    EXPECT_EQ(text_of({"", file, members[0].offset, members[0].size, {}}), "first");
}

TEST_F(Tar, LongNamesOfPaxAndGnu) {
    const std::string name = "class/" + std::string(150, 'n') + ".jpg";
    std::string record = "path=" + name + "\n";
    record = std::to_string(record.size() + 4) + " " + record;  // three digits and a space before it
    const fs::path pax = write("p.tar", tar_member("header", record, 'x') + tar_member("short", "1"));
    const fs::path gnu = write("g.tar", tar_member("././@LongLink", name + '\0', 'L') + tar_member("short", "2"));
    EXPECT_EQ(index_tar(pax).at(0).name, name);
    EXPECT_EQ(index_tar(gnu).at(0).name, name);
}

TEST_F(Tar, DamageIsNamed) {
    const std::string whole = tar_member("a/one.jpg", std::string(2000, 'x'));
    EXPECT_THAT(sentence_of([&] { index_tar(write("cut.tar", whole.substr(0, 1000))); }), HasSubstr("ends too early"));
    EXPECT_THAT(sentence_of([&] { index_tar(write("zip.tar", std::string(1024, 'P'))); }),
                HasSubstr("not an uncompressed tar"));
    EXPECT_THAT(sentence_of([&] { index_tar(root / "none.tar"); }), HasSubstr("none.tar"));
}

TEST_F(SampleListing, FoldersAreClassesInTheOrderOfNames) {
    write("data/dog/2.jpg", "d2");
    write("data/dog/1.JPG", "d1");
    write("data/cat/deep/3.png", "c3");
    const SampleList list = list_samples({root / "data"});
    ASSERT_EQ(list.samples.size(), 3U);
    EXPECT_THAT(list.classes.names(), ElementsAre("cat", "dog"));
    EXPECT_EQ(list.samples[0].name, "cat/deep/3.png");
    EXPECT_THAT(list.samples[0].labels, ElementsAre(0));
    EXPECT_EQ(text_of(list.samples[1]), "d1");
}

TEST_F(SampleListing, TextFilesAndEmptyClassesAreRemarkedOn) {
    write("data/cat/1.jpg", "x");
    write("data/cat/notes.txt", "x");
    write("data/dog/1.jpg", "x");
    fs::create_directories(root / "data/eel");
    const SampleList list = list_samples({root / "data"});
    EXPECT_EQ(list.classes.entries.size(), 3U);
    EXPECT_EQ(list.samples.size(), 2U);
    ASSERT_EQ(list.remarks.size(), 2U);
    EXPECT_THAT(list.remarks[0], HasSubstr("notes.txt"));
    EXPECT_THAT(list.remarks[1], HasSubstr("eel"));
}

TEST_F(SampleListing, TakesEveryEndingOfPicturesAndNothingHidden) {
    for (const char* name : {"1.JPE", "2.jfif", "._1.JPE", ".cache/3.jpg", "deep/4.webp"})
        write(fs::path("data/cat") / name, "x");
    write("t.tar",
          tar_member("./cat/1.jfif", "c") + tar_member("./cat/._1.jfif", "m") + tar_member(".x/cat/2.jpg", "h"));
    const SampleList list = list_samples({root / "data", root / "t.tar"});
    std::vector<std::string> names;
    for (const Sample& sample : list.samples) names.push_back(sample.name);
    EXPECT_THAT(names, ElementsAre("cat/1.JPE", "cat/2.jfif", "cat/deep/4.webp", "./cat/1.jfif"));
    EXPECT_THAT(list.remarks, testing::IsEmpty());
}

TEST_F(SampleListing, ALinkThatLeadsInACircleIsAPictureThatCannotBeRead) {
    write("data/cat/1.jpg", "x");
    fs::create_symlink("2.jpg", root / "data/cat/2.jpg");
    fs::create_symlink("loop", root / "data/loop");
    const SampleList list = list_samples({root / "data"});
    ASSERT_EQ(list.samples.size(), 2U);
    EXPECT_EQ(list.samples[1].name, "cat/2.jpg");
    EXPECT_THAT(sentence_of([&] { read_bytes(list.samples[1]); }), HasSubstr("2.jpg"));
}

TEST_F(SampleListing, ImagesWithoutFoldersHaveNoClass) {
    write("data/1.jpg", "x");
    EXPECT_THAT(sentence_of([&] { list_samples({root / "data"}); }), HasSubstr("have no class"));
}

TEST_F(SampleListing, ClassListGivesOrderAndRefusesStrangers) {
    write("t.tar", tar_member("train/dog/1.jpg", "d") + tar_member("train/cat/1.jpg", "c"));
    const ClassList classes(std::vector<ClassEntry>{{"dog", "Hund"}, {"cat", "Katze"}});
    const SampleList list = list_samples({root / "t.tar"}, {.classes = classes});
    EXPECT_THAT(list.samples[0].labels, ElementsAre(0));
    EXPECT_EQ(list.samples[1].name, "train/cat/1.jpg");
    EXPECT_THAT(sentence_of([&] {
                    list_samples({root / "t.tar"}, {.classes = ClassList(std::vector<ClassEntry>{{"dog", ""}})});
                }),
                HasSubstr("'cat'"));
}

TEST_F(SampleListing, CsvWithSeveralLabelsIsMultiLabel) {
    write("a.jpg", "a");
    write("b.jpg", "b");
    write("several.csv", "path,labels\na.jpg,cat;dog\nb.jpg,\n");
    const SampleList list = list_samples({root / "several.csv"});
    EXPECT_TRUE(list.multi_label);
    EXPECT_THAT(list.samples[0].labels, ElementsAre(0, 1));
    EXPECT_TRUE(list.samples[1].labels.empty());
}

TEST_F(SampleListing, CsvWithoutLabelsSaysSo) {
    write("a.jpg", "a");
    write("none.csv", "path\na.jpg\n");
    write("hole.csv", "path,label\na.jpg,\n");
    write("gone.csv", "path,label\nmissing.jpg,cat\n");
    EXPECT_THAT(sentence_of([&] { list_samples({root / "none.csv"}); }), HasSubstr("no column 'label'"));
    EXPECT_THAT(sentence_of([&] { list_samples({root / "hole.csv"}); }), HasSubstr("line 2: 'a.jpg' has no label"));
    EXPECT_THAT(sentence_of([&] { list_samples({root / "gone.csv"}); }), HasSubstr("missing.jpg is not there"));
}

TEST_F(SampleListing, AnImageListedTwiceCountsOnceAndNotWithTwoLabels) {
    write("a.jpg", "a");
    write("b.jpg", "b");
    write("twice.csv", "path,label\na.jpg,cat\nb.jpg,dog\n./a.jpg,cat\n");
    const SampleList list = list_samples({root / "twice.csv"});
    EXPECT_EQ(list.samples.size(), 2U);
    EXPECT_THAT(list.remarks, ElementsAre("1 of 3 listed images are repeated, './a.jpg' among them: each counts once"));
    write("split.csv", "path,label\na.jpg,cat\nb.jpg,dog\na.jpg,dog\n");
    EXPECT_THAT(sentence_of([&] { list_samples({root / "split.csv"}); }),
                HasSubstr("'a.jpg' is listed twice, as 'cat' and as 'dog'"));
    write("labels.csv", "path,labels\na.jpg,cat;dog\na.jpg,cat\n");
    EXPECT_THAT(sentence_of([&] { list_samples({root / "labels.csv"}); }), HasSubstr("as 'cat;dog' and as 'cat'"));
}

TEST_F(SampleListing, LabelsThatAreNumbersAreSortedAsNumbersAndFoldersAsNames) {
    std::string table = "path,label\n";
    for (const char* label : {"10", "9", "1", "2"}) {
        write(std::string("data/") + label + "/1.jpg", "x");
        table += std::string("data/") + label + "/1.jpg," + label + "\n";
    }
    write("t.csv", table);
    EXPECT_THAT(list_samples({root / "t.csv"}).classes.names(), ElementsAre("1", "2", "9", "10"));
    EXPECT_THAT(list_samples({root / "data"}).classes.names(), ElementsAre("1", "10", "2", "9"));
    const LabelTable truth = read_label_table(root / "t.csv");
    EXPECT_THAT(list_samples({root}, {.labels = &truth}).classes.names(), ElementsAre("1", "2", "9", "10"));
    write("mixed.csv", "path,label\ndata/9/1.jpg,9\ndata/10/1.jpg,10\ndata/1/1.jpg,cat\n");
    EXPECT_THAT(list_samples({root / "mixed.csv"}).classes.names(), ElementsAre("10", "9", "cat"));
}

TEST_F(Tables, AColumnThatIsThereTwiceIsRefused) {
    const Csv csv = read_csv(write("c.csv", "file,x0,x0\na,1,2\n"));
    EXPECT_EQ(csv.find_column("file"), 0U);
    EXPECT_THAT(sentence_of([&] { csv.find_column("x0"); }),
                HasSubstr("c.csv: has several columns 'x0'; one is right"));
}

TEST_F(Tables, Utf16IsNamed) {
    const std::string little(
        "\xFF\xFE"
        "a\0,\0b\0\n\0",
        10),
        big("\xFE\xFF\0a\0,\0b\0\n", 10);
    for (const std::string& text : {little, big})
        EXPECT_THAT(sentence_of([&] { read_csv(write("u.csv", text)); }), HasSubstr("u.csv: is text in UTF-16; UTF-8"));
}

TEST_F(Tables, TextBehindAClosingQuoteIsRefused) {
    EXPECT_THAT(sentence_of([&] { read_csv(write("q.csv", "a,b\n1,\"2\"3\n")); }),
                HasSubstr("q.csv, line 2: field 2 goes on behind its closing quote"));
    EXPECT_THAT(sentence_of([&] { read_csv(write("e.csv", "a,b\n\"\"\"x\"y,2\n")); }), HasSubstr("field 1 goes on"));
    EXPECT_EQ(read_csv(write("r.csv", "a,b\r\n1,\"2\"\r")).rows.at(0).at(1), "2");
}

TEST_F(Tables, CsvFieldsMayBeQuoted) {
    const Csv csv = read_csv(write("q.csv", "\xEF\xBB\xBFname,value\r\n\"a, \"\"b\"\"\",1\r\n\r\nc,2\r\n"));
    EXPECT_EQ(csv.rows.at(0).at(0), "a, \"b\"");
    EXPECT_EQ(csv.number(1, csv.column("value")), 2.0);
    EXPECT_EQ(csv.lines.at(1), 4U);
    EXPECT_THAT(sentence_of([&] { csv.column("nope"); }), HasSubstr("name, value"));
    EXPECT_THAT(sentence_of([&] { read_csv(write("r.csv", "a,b\n1\n")); }), HasSubstr("line 2: 1 field where"));
}

TEST_F(Tables, AQuoteThatIsNeverClosedIsNamedWithItsLine) {
    // In the last column, where the rows behind it would vanish in one field of a row that has as many fields as the
    // header.
    const fs::path last = write("l.csv", "path,label\na.jpg,cat\nb.jpg,\"dog\nc.jpg,cat\nd.jpg,cat\n");
    EXPECT_THAT(sentence_of([&] { read_csv(last); }),
                HasSubstr("l.csv, line 3: field 2 begins with a quote that is never closed"));
    const fs::path second_line = write("f.csv", "path,label\n\"a\nb\",cat\n\"c.jpg,cat\nd.jpg,cat\n");
    EXPECT_THAT(sentence_of([&] { read_csv(second_line); }), HasSubstr("f.csv, line 4: field 1 begins with a quote"));
    EXPECT_EQ(read_csv(write("whole.csv", "path,label\na.jpg,\"cat\nor dog\"")).rows.at(0).at(1), "cat\nor dog");
}

TEST_F(Tables, NamesOutOfTablesDoNotReachTheTerminalRaw) {
    const fs::path table = write("t\x1b[1m.csv", "path,la\x1b[31mbel\ncat.jpg,1\n");
    const std::string no_column = sentence_of([&] { read_csv(table).column("label"); });
    EXPECT_THAT(no_column,
                HasSubstr(text::printable("t\x1b[1m.csv: has no column 'label'; its columns are path, la\x1b[31mbel")));
    const std::string no_number = sentence_of([&] { read_csv(table).number(0, 0); });
    EXPECT_THAT(no_number, HasSubstr("line 2: 'cat.jpg' in column 'path' is not a number"));
    write("missing.csv", "path,label\ngone\x1b[2J.jpg,1\n");
    const std::string no_image = sentence_of([&] { list_samples({root / "missing.csv"}); });
    EXPECT_THAT(no_image, HasSubstr(text::printable("gone\x1b[2J.jpg is not there")));
    for (const std::string& sentence : {no_column, no_number, no_image})
        EXPECT_EQ(sentence.find('\x1b'), std::string::npos) << sentence;
}

TEST_F(Tables, ClassesMayStandInAnyOrder) {
    const ClassList classes = read_class_list(write("c.csv", "index,wnid,name\n1,n2,two\n0,n1,one\n"));
    EXPECT_THAT(classes.names(), ElementsAre("one", "two"));
    EXPECT_EQ(classes.find("n2"), 1);
    EXPECT_EQ(classes.find("n3"), std::nullopt);
    EXPECT_THAT(sentence_of([&] { read_class_list(write("d.csv", "index,wnid\n0,a\n0,b\n")); }),
                HasSubstr("occurs twice"));
    EXPECT_THAT(sentence_of([&] { read_class_list(write("e.csv", "index,wnid\n0,a\n7,b\n")); }), HasSubstr("0 to 1"));
}

TEST(Tiny100, HasTheCountsOfItsReadMe) {
    const fs::path data = fs::path(LOCUS_SHARED) / "data/tiny100";
    if (!fs::exists(data)) GTEST_SKIP() << "The data set tiny100 is not on this machine.";
    const SampleList list = list_samples({data / "val.tar"}, {.classes = read_class_list(data / "classes.csv")});
    EXPECT_EQ(list.samples.size(), 5000U);
    EXPECT_EQ(list.classes.names()[0], "goldfish");
    const evaluate::TruthList boxes = evaluate::read_boxes(data / "val_boxes.csv");
    std::size_t whole = 0;
    for (const Sample& sample : list.samples) {
        const evaluate::Truth* truth = boxes.find(sample.name);
        ASSERT_TRUE(truth != nullptr && truth->boxes.size() == 1);
        whole += truth->boxes[0] == Box{0, 0, 64, 64, 0};
    }
    EXPECT_EQ(whole, 252U);  // its README's count of boxes that are the whole image
}

TEST_F(Folder, ATableOfTrueClassesTakesThePlaceOfFolders) {
    write("val/1.jpg", "x");
    write("val/deep/2.jpg", "x");
    write("val/3.jpg", "x");
    const LabelTable labels = read_label_table(write("truth.csv", "path,label\n1.jpg,dog\n2.png,cat\n9.jpg,cat\n"));
    const SampleList list = list_samples({root / "val"}, {.labels = &labels});
    ASSERT_EQ(list.samples.size(), 2U);
    EXPECT_EQ(list.samples[0].name, "1.jpg");
    EXPECT_EQ(list.classes.entries[static_cast<std::size_t>(list.samples[0].labels.at(0))].name, "dog");
    EXPECT_EQ(list.classes.entries[static_cast<std::size_t>(list.samples[1].labels.at(0))].name, "cat");
    ASSERT_EQ(list.remarks.size(), 2U);
    EXPECT_THAT(list.remarks[0], HasSubstr("1 of 3 images are not in the table of true classes, '3.jpg'"));
    EXPECT_THAT(list.remarks[1], HasSubstr("1 of 3 rows"));
}

TEST_F(Folder, ATableOfTrueClassesThatFitsNothingIsRefused) {
    write("val/1.jpg", "x");
    const auto complaint = [&](const std::string& table) -> std::string {
        try {
            const LabelTable labels = read_label_table(write("truth.csv", table));
            list_samples({root / "val"}, {.labels = &labels});
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_THAT(complaint("path,label\nother.jpg,dog\n"), HasSubstr("none of 1 images"));
    EXPECT_THAT(complaint("image,class\n1.jpg,dog\n"), HasSubstr("path,label is right"));
    EXPECT_THAT(complaint("path,label\n1.jpg,dog\n1.jpg,cat\n"), HasSubstr("line 3"));
    EXPECT_THAT(complaint("path,label\n1.jpg,\n"), HasSubstr("'1.jpg' has no label"));
    EXPECT_THAT(complaint("path,label\n"), HasSubstr("names no image"));
}

}  // namespace
}  // namespace locus::dataset
