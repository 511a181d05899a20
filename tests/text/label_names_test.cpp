#include "text/label_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace text = locus::text;
using testing::ElementsAre;

TEST(LabelNames, StandBetweenCommasWhateverTheirCase) {
    EXPECT_THAT(text::label_names("Tabby, tabby Cat\t"), ElementsAre("tabby", "tabby cat"));
    EXPECT_THAT(text::label_names("crane"), ElementsAre("crane"));
}
