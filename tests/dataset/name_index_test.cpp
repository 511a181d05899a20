#include "dataset/name_index.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"

namespace locus::dataset {
namespace {

TEST(NameIndex, EndingsDoNotCountWhereNoNameIsTheSame) {
    NameIndex index;
    EXPECT_EQ(index.add("a/cat.jpg"), 0U);
    EXPECT_EQ(index.add("./a/cat.jpg"), 0U);
    EXPECT_EQ(index.add("a/dog.jpg"), 1U);
    EXPECT_EQ(index.find("a/cat.npy"), 0U);
    EXPECT_EQ(index.find("./a/dog.PNG"), 1U);
    EXPECT_EQ(index.size(), 2U);
}

TEST(NameIndex, ImagesThatDifferInTheirEndingAreTwo) {
    NameIndex index;
    EXPECT_EQ(index.add("1/x.png"), 0U);
    EXPECT_EQ(index.add("1/x.jpg"), 1U);
    EXPECT_EQ(index.find("1/x.jpg"), 1U);
    EXPECT_EQ(index.find("x.png"), 0U);
    for (const char* name : {"1/x.webp", "1/x", "x.npy"}) {
        EXPECT_THAT(test::error_of([&] { index.find(name); }),
                    testing::HasSubstr("may be '1/x.png' or '1/x.jpg': its name needs the ending as well"));
    }
    index.add("2/x.jpg");
    EXPECT_EQ(index.find("x.jpg"), std::nullopt);
}

TEST(NameIndex, WhatFollowsADotIsPartOfANameUnlessItIsAnEnding) {
    NameIndex index;
    EXPECT_EQ(index.add("photo.2020"), 0U);
    EXPECT_EQ(index.add("photo.2021"), 1U);
    EXPECT_EQ(index.find("photo.2021.npy"), 1U);
    EXPECT_EQ(index.find("photo.2022"), std::nullopt);
    EXPECT_EQ(index.find("photo"), std::nullopt);
}

TEST(NameIndex, KeepsItsNamesWhereItIsMoved) {
    NameIndex index;
    index.add("a.jpg");
    NameIndex moved = std::move(index);
    moved.add("b.jpg");
    EXPECT_EQ(moved.find("a.png"), 0U);
    EXPECT_EQ(moved.find("b.png"), 1U);
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
    EXPECT_EQ(without_ending("a/b.tar.jpg"), "a/b.tar");
    EXPECT_EQ(without_ending("a/b.ppm"), "a/b");
}

}  // namespace
}  // namespace locus::dataset
