#include "text/split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace text = locus::text;
using testing::ElementsAre;

TEST(Split, KeepsEmptyPartsAndHasAtLeastOne) {
    EXPECT_THAT(text::split("a,b", ','), ElementsAre("a", "b"));
    EXPECT_THAT(text::split(",a,,", ','), ElementsAre("", "a", "", ""));
    EXPECT_THAT(text::split("", ','), ElementsAre(""));
}
