#include "evaluate/class_matching.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace locus::evaluate {
namespace {

using testing::ElementsAre;
using testing::Optional;

const std::vector<std::string> labels{"tench, Tinca tinca",
                                      "European fire salamander, Salamandra salamandra",
                                      "tabby, tabby cat",
                                      "tiger cat",
                                      "crane",
                                      "crane",
                                      "lion, king of beasts, Panthera leo",
                                      "sea lion"};

ClassMatch match_of(const std::vector<std::string>& names) {
    std::vector<dataset::ClassEntry> entries;
    for (const std::string& name : names) entries.push_back({"n" + std::to_string(entries.size()), name});
    return match_classes(dataset::ClassList(entries), labels, static_cast<std::int64_t>(labels.size()));
}

TEST(ClassMatching, AWholeNameComesFirst) {
    EXPECT_THAT(match_of({"Tabby Cat", "tench", "lion"}).outputs, ElementsAre(Optional(2), Optional(0), Optional(6)));
}

TEST(ClassMatching, WordsWithinOneLabelAreEnough) {
    EXPECT_THAT(match_of({"fire salamander", "lion, the"}).outputs, ElementsAre(Optional(1), Optional(6)));
}

TEST(ClassMatching, WhatSeveralLabelsMeanIsNoMatch) {
    EXPECT_THAT(match_of({"crane", "cat", "zebra", "tench"}).outputs,
                ElementsAre(std::nullopt, std::nullopt, std::nullopt, Optional(0)));
}

TEST(ClassMatching, AsManyClassesAsOutputsMatchByNumberWhereNoNameDoes) {
    const dataset::ClassList classes({{"a", "x1"}, {"b", "x2"}});
    EXPECT_THAT(match_classes(classes, {}, 2).outputs, ElementsAre(Optional(0), Optional(1)));
    EXPECT_THAT(match_classes(classes, {}, 3).outputs, ElementsAre(std::nullopt, std::nullopt));
}

TEST(ClassMatching, LabelsThatAreNotOneForEachOutputNameNone) {
    const dataset::ClassList classes({{"a", "tench"}, {"b", "tabby"}});
    EXPECT_THAT(match_classes(classes, labels, 1000).outputs, ElementsAre(std::nullopt, std::nullopt));
    EXPECT_THAT(match_classes(classes, labels, 2).outputs, ElementsAre(Optional(0), Optional(1)));
}

}  // namespace
}  // namespace locus::evaluate
