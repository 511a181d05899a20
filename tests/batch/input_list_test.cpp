#include "batch/input_list.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "files/npy.hpp"
#include "support/scratch_folder.hpp"

namespace locus::batch {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A folder that the test stands in, so that names can be given as people give them.
class Inputs : public testing::Test {
protected:
    void SetUp() override {
        before_ = fs::current_path();
        fs::current_path(folder_.path());
    }
    void TearDown() override { fs::current_path(before_); }

    void files(const std::vector<std::string>& names) const {
        for (const std::string& name : names) folder_.write(name, "whatever is in it");
    }
    void list(const std::vector<std::string>& arguments, const std::string& standard_input = {}) {
        std::istringstream stream(standard_input);
        items_ = list_inputs(arguments, stream);
    }
    template <class Member> std::vector<std::string> all(Member member) const {
        std::vector<std::string> values;
        for (const InputItem& item : items_) values.push_back(item.*member);
        return values;
    }
    std::vector<std::string> names() const { return all(&InputItem::name); }
    std::vector<std::string> stems() const { return all(&InputItem::stem); }
    std::vector<std::string> errors() const { return all(&InputItem::error); }

    test::ScratchFolder folder_;
    fs::path before_;
    std::vector<InputItem> items_;
};

TEST_F(Inputs, FoldersAreWalkedInOrderAndWhatIsHiddenIsLeftOut) {
    files({"photos/b.jpg", "photos/a.PNG", "photos/notes.txt", "photos/.c.jpg", "photos/.git/d.jpg",
           "photos/sub/deep/e.webp"});
    list({"photos"});
    EXPECT_THAT(names(), ElementsAre("photos/a.PNG", "photos/b.jpg", "photos/sub/deep/e.webp"));
    EXPECT_THAT(stems(), ElementsAre("a", "b", "sub/deep/e"));
    EXPECT_THAT(errors(), ElementsAre("", "", ""));
    EXPECT_EQ(items_[2].file, "photos/sub/deep/e.webp");
}

TEST_F(Inputs, NamesStayAsTheyWereGivenInTheirOrder) {
    files({"photos/a.jpg", "z.jpg"});
    list({"./z.jpg", "photos/../photos/", "photos//a.jpg"});
    EXPECT_THAT(names(), ElementsAre("./z.jpg", "photos/../photos/a.jpg", "photos//a.jpg"));
}

TEST_F(Inputs, AFileThatIsNamedNeedsNoKnownEnding) {
    files({"photo", ".hidden.jpg"});
    list({"photo", ".hidden.jpg"});
    EXPECT_THAT(names(), ElementsAre("photo", ".hidden.jpg"));
    EXPECT_THAT(errors(), ElementsAre("", ""));
}

TEST_F(Inputs, WhatIsMissingIsAnItemThatSaysSo) {
    fs::create_symlink("gone.jpg", "link.jpg");
    fs::create_directory("empty");
    list({"nothing.jpg", "link.jpg", "empty", ""});
    EXPECT_THAT(errors(), ElementsAre("no such file or folder", HasSubstr("a symbolic link to 'gone.jpg'"),
                                      HasSubstr("the folder holds no pictures"), HasSubstr("an empty name")));
}

TEST_F(Inputs, FoldersMetTwiceByLinksAreWalkedOnce) {
    files({"photos/a.jpg"});
    fs::create_directory_symlink("..", "photos/loop");
    list({"photos", "photos"});
    EXPECT_THAT(names(), ElementsAre("photos/a.jpg"));
}

TEST_F(Inputs, WhatAnEarlierRunWroteIsLeftOut) {
    files({"photos/a.jpg", "photos/out/.locus/run.json", "photos/out/overlays/a.jpg", "photos/out/maps/a.npy",
           "photos/maps/kept.jpg"});
    list({"photos"});
    EXPECT_THAT(names(), ElementsAre("photos/a.jpg", "photos/maps/kept.jpg"));
}

TEST_F(Inputs, GlobsNameFilesAndFoldersButNoPipes) {
    files({"b.jpg", "a.jpg", "a.png", "c.jpg/inside.png"});
    ASSERT_EQ(::mkfifo("pipe.jpg", 0600), 0);
    list({"*.jpg", "[xyz]*"});
    EXPECT_THAT(names(), ElementsAre("a.jpg", "b.jpg", "c.jpg/inside.png", "pipe.jpg", "[xyz]*"));
    EXPECT_THAT(errors(), ElementsAre("", "", "", HasSubstr("not a file (a pipe"), "no file matches this pattern"));
}

TEST_F(Inputs, AFileNamedLikeAGlobIsThatFile) {
    files({"[a].jpg", "a.jpg"});
    list({"[a].jpg"});
    EXPECT_THAT(names(), ElementsAre("[a].jpg"));
}

TEST_F(Inputs, ADashReadsPathsLineByLine) {
    files({"a.jpg", "photos/b.jpg", "*.jpg"});
    list({"-"}, "a.jpg\r\n\nphotos\n*.jpg\nnothing.jpg");
    EXPECT_THAT(names(), ElementsAre("a.jpg", "photos/b.jpg", "*.jpg", "nothing.jpg"));
    EXPECT_THAT(errors(), ElementsAre("", "", "", "no such file or folder"));
}

TEST_F(Inputs, PathsThatEndInZerosMayHoldEndsOfLines) {
    files({"a\nb.jpg", "c.jpg\r"});
    using namespace std::string_literals;
    list({"-"}, "a\nb.jpg\0c.jpg\r\0"s);
    EXPECT_THAT(names(), ElementsAre("a\nb.jpg", "c.jpg\r"));
    EXPECT_THAT(errors(), ElementsAre("", ""));
}

TEST_F(Inputs, ArraysAreListedItemByItem) {
    files::write_npy("one.npy", Tensor(DataType::float32, {3, 4, 4}));
    files::write_npy("two.npy", Tensor(DataType::float32, {2, 3, 4, 4}));
    files::write_npy("none.npy", Tensor(DataType::float32, {0, 3, 4, 4}));
    files::write_npy("flat.npy", Tensor(DataType::float32, {12}));
    list({"one.npy", "two.npy", "none.npy", "flat.npy"});
    EXPECT_THAT(names(), ElementsAre("one.npy", "two.npy#0", "two.npy#1", "none.npy", "flat.npy"));
    EXPECT_THAT(stems(), ElementsAre("one", "two.0", "two.1", "none", "flat"));
    EXPECT_THAT(errors(), ElementsAre("", "", "", HasSubstr("[0, 3, 4, 4]: no input"), HasSubstr("[C, H, W] or")));
    EXPECT_FALSE(items_[0].array_item);
    EXPECT_EQ(items_[2].array_item, 1);
    EXPECT_EQ(items_[2].file, "two.npy");
}

TEST_F(Inputs, NoTwoItemsShareAStem) {
    files({"a/cat.jpg", "b/cat.jpg", "c/cat-2.jpg", "c/cat.jpg", "c/cat.png"});
    list({"a/cat.jpg", "b/cat.jpg", "nowhere/cat.jpg"});
    EXPECT_THAT(stems(), ElementsAre("cat", "cat-2", "cat-3"));
    list({"a", "c"});
    EXPECT_THAT(stems(), ElementsAre("cat", "cat-2", "cat-3", "cat-4"));
    list({"."});
    EXPECT_THAT(stems(), ElementsAre("a/cat", "b/cat", "c/cat-2", "c/cat", "c/cat-3"));
}

TEST_F(Inputs, StemsAreHarmlessNames) {
    files({"in/a:b\x01\xff.jpg", "in/cat.jpg.png", "in/dir.png/x.jpg", "in/" + std::string(200, 'n') + ".jpg"});
    list({"in"});
    EXPECT_THAT(stems(), ElementsAre("a_b__", "cat.jpg", "dir.png_/x", std::string(180, 'n')));
    EXPECT_EQ(items_[0].name, "in/a:b\x01\xff.jpg");
    list({"in/../../../../nothing/.."});
    EXPECT_THAT(stems(), ElementsAre("image"));
}

TEST_F(Inputs, OtherRanksGetTheSameList) {
    files::write_npy("two.npy", Tensor(DataType::float32, {2, 3, 4, 4}));
    list({"two.npy", "nothing.jpg"});
    const auto again = unpack_inputs(pack_inputs(items_));
    ASSERT_EQ(again.size(), items_.size());
    for (std::size_t i = 0; i < again.size(); ++i) {
        EXPECT_EQ(again[i].name, items_[i].name);
        EXPECT_EQ(again[i].file, items_[i].file);
        EXPECT_EQ(again[i].array_item, items_[i].array_item);
        EXPECT_EQ(again[i].stem, items_[i].stem);
        EXPECT_EQ(again[i].error, items_[i].error);
    }
    const std::string whole = pack_inputs(items_);
    EXPECT_THAT(test::error_of([&] { unpack_inputs(whole.substr(0, whole.size() - 1)); }), HasSubstr("io: "));
}

}  // namespace
}  // namespace locus::batch
