#include "text/nearest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace text = locus::text;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(EditDistance, CountsChanges) {
    EXPECT_EQ(text::edit_distance("kitten", "sitting"), 3U);  // Levenshtein's textbook example
    EXPECT_EQ(text::edit_distance("", "abc"), 3U);
    EXPECT_EQ(text::edit_distance("abc", ""), 3U);
    EXPECT_EQ(text::edit_distance("Layer4", "layer4"), 0U);
}

TEST(Nearest, NearestFirstAndEachOnce) {
    EXPECT_THAT(text::nearest("laer4", {"fc", "layer3", "layer4", "layer4"}, 2), ElementsAre("layer4", "layer3"));
    EXPECT_THAT(text::nearest("a", {"c", "b"}), ElementsAre("c", "b"));  // equal: the given order
    EXPECT_THAT(text::nearest("a", {}), IsEmpty());
}

TEST(Nearest, AContainedNameIsNearerThanAShortOne) {
    EXPECT_THAT(text::nearest("crane", {"crab", "crane fly, tipulid of the wetlands"}, 1),
                ElementsAre("crane fly, tipulid of the wetlands"));
}

TEST(DidYouMean, ReadsLikeASentence) {
    EXPECT_EQ(text::did_you_mean("a", {}), "");
    EXPECT_EQ(text::did_you_mean("a", {"b"}), "; did you mean 'b'?");
    EXPECT_EQ(text::did_you_mean("a", {"b", "c", "d"}), "; did you mean 'b', 'c' or 'd'?");
}
