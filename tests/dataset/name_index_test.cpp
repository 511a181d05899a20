#include "dataset/name_index.hpp"

#include <gtest/gtest.h>

namespace locus::dataset {
namespace {

TEST(NameIndex, EndingsDoNotCount) {
    NameIndex index;
    EXPECT_EQ(index.add("a/cat.jpg"), 0U);
    EXPECT_EQ(index.add("a/cat.npy"), 0U);
    EXPECT_EQ(index.add("a/dog.jpg"), 1U);
    EXPECT_EQ(index.find("./a/dog.png"), 1U);
    EXPECT_EQ(index.size(), 2U);
}

TEST(NameIndex, OneSideMayLeaveFoldersOut) {
    NameIndex index;
    index.add("val/n01/1.jpg");
    index.add("2.jpg");
    EXPECT_EQ(index.find("1.jpg"), 0U);
    EXPECT_EQ(index.find("val/n02/2.png"), 1U);
    EXPECT_EQ(index.find("val/n02/1.jpg"), std::nullopt);  // another folder is another image
}

TEST(NameIndex, ANameThatSeveralShareNeedsItsFolder) {
    NameIndex index;
    index.add("a/1.jpg");
    index.add("b/1.jpg");
    EXPECT_EQ(index.find("1.jpg"), std::nullopt);
    EXPECT_EQ(index.find("b/1.png"), 1U);
}

TEST(WithoutEnding, KeepsDotsOfFoldersAndHiddenFiles) {
    EXPECT_EQ(without_ending("./v1.0/cat"), "v1.0/cat");
    EXPECT_EQ(without_ending("a/.hidden"), "a/.hidden");
    EXPECT_EQ(without_ending("a/b.tar.gz"), "a/b.tar");
}

}  // namespace
}  // namespace locus::dataset
