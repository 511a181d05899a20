#include "text/label_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace text = locus::text;
using testing::ElementsAre;

TEST(LabelNames, StandBetweenCommasWhateverTheirCase) {
    EXPECT_THAT(text::label_names("Tabby, tabby Cat\t"), ElementsAre("tabby", "tabby cat"));
    EXPECT_THAT(text::label_names("crane"), ElementsAre("crane"));
}

TEST(ShortName, IsTheFirstOneUnlessAnotherClassBeginsSo) {
    const std::vector<std::string> labels{"tabby, tabby cat", "Fracture, left", "Fracture, right",
                                          "Fractured",        "crane",          "crane"};
    EXPECT_EQ(text::short_name(labels, 0), "tabby");
    EXPECT_EQ(text::short_name(labels, 1), "Fracture, left");
    EXPECT_EQ(text::short_name(labels, 3), "Fractured");
    EXPECT_EQ(text::short_name(labels, 4), "crane");
    EXPECT_EQ(text::short_name(labels, 6), "");
}
