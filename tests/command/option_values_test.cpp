#include "option_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace locus::command {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(OptionValues, ListsKeepTheirEmptyParts) {
    EXPECT_THAT(split_list("a,b"), ElementsAre("a", "b"));
    EXPECT_THAT(split_list("a,,b,"), ElementsAre("a", "", "b", ""));
    EXPECT_THAT(split_list(""), IsEmpty());
}

TEST(OptionValues, WholeNumbersHaveNoSignAndNoEnd) {
    const CLI::Validator check = whole_number();
    EXPECT_EQ(check("18446744073709551615"), "");
    for (const char* text : {"-1", "18446744073709551616", "1.5", "one", "1 "}) EXPECT_NE(check(text), "") << text;
}

}  // namespace
}  // namespace locus::command
