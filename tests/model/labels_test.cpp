#include "model/metadata/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "support/scratch_folder.hpp"

namespace model = locus::model;
using locus::test::error_of;
using locus::test::ScratchFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Labels, OneALine) {
    EXPECT_THAT(model::parse_labels("tench, Tinca tinca\ngoldfish\n"), ElementsAre("tench, Tinca tinca", "goldfish"));
    EXPECT_THAT(model::parse_labels("a"), ElementsAre("a"));
}

TEST(Labels, WindowsFilesReadTheSame) {
    EXPECT_THAT(model::parse_labels("\xef\xbb\xbf"
                                    "a\r\nb\r\n\r\n"),
                ElementsAre("a", "b"));
    EXPECT_THAT(model::parse_labels("a\rb\r"), ElementsAre("a", "b"));  // of older Macintoshes
}

TEST(Labels, AConfigurationOfHuggingFaceHoldsThem) {
    EXPECT_THAT(model::parse_labels(R"({"architectures": ["ViT"], "id2label": {"1": "b", "0": "a"}})"),
                ElementsAre("a", "b"));
}

TEST(Labels, BlankLinesInTheMiddleKeepTheirIndex) {
    EXPECT_THAT(model::parse_labels("a\n\nc\n \n\n"), ElementsAre("a", "", "c"));
}

TEST(Labels, JsonListsAndObjects) {
    EXPECT_THAT(model::parse_labels(R"(["a", "b"])"), ElementsAre("a", "b"));
    EXPECT_THAT(model::parse_labels(R"( {"1": "b", "0": "a", "10": "k"})"),
                ElementsAre("a", "b", "", "", "", "", "", "", "", "", "k"));
    EXPECT_THAT(model::parse_labels(R"({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]})"),
                ElementsAre("tench", "goldfish"));
    EXPECT_THAT(model::parse_labels(R"({"tench": 0, "goldfish": 1})"), ElementsAre("tench", "goldfish"));
}

TEST(Labels, ALineMayBeginWithABracket) {
    EXPECT_THAT(model::parse_labels("[unknown]\n{other\n"), ElementsAre("[unknown]", "{other"));
}

TEST(Labels, WhatIsNotLabelsIsRefused) {
    EXPECT_THAT(error_of([] { model::parse_labels(""); }), HasSubstr("no labels"));
    EXPECT_THAT(error_of([] { model::parse_labels("\n\n"); }), HasSubstr("no labels"));
    EXPECT_THAT(error_of([] { model::parse_labels(std::string_view("a\0b", 3)); }), HasSubstr("not text"));
    EXPECT_THAT(error_of([] { model::parse_labels("\xff\xfe"); }), HasSubstr("UTF-16"));
    EXPECT_THAT(error_of([] { model::parse_labels(R"({"99999999999": "far"})"); }),
                HasSubstr("more than any classifier"));
    EXPECT_THAT(error_of([] { model::parse_labels(R"({"zero": "a"})"); }), HasSubstr("not the index"));
    EXPECT_THAT(error_of([] { model::parse_labels(R"([1, 2])"); }), HasSubstr("not text"));
}

TEST(Labels, DeepNestingIsNoJson) {
    constexpr std::size_t deep = 400'000;
    const std::string hostile = std::string(deep, '[') + std::string(deep, ']');
    EXPECT_THAT(model::parse_labels(hostile), ElementsAre(hostile));  // a line, then
    EXPECT_THAT(model::parse_labels(R"([["a", "b"], "c"])"), ElementsAre("b", "c"));
}

TEST(Labels, FilesAreNamedInTheSentence) {
    const ScratchFolder folder;
    EXPECT_THAT(model::read_labels(folder.write("l.json", R"(["a"])")), ElementsAre("a"));
    EXPECT_THAT(error_of([&] { model::read_labels(folder / "none.txt"); }), StartsWith("io: there is no label file '"));
    EXPECT_THAT(error_of([&] { model::read_labels(folder.path()); }), StartsWith("io: "));
    EXPECT_THAT(error_of([&] { model::read_labels(folder.write("bad.json", "[\"a\"")); }),
                HasSubstr("bad.json' is not valid JSON"));
    EXPECT_THAT(error_of([&] { model::read_labels(folder.write("empty.txt", "")); }), HasSubstr("empty.txt"));
}
