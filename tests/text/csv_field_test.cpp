#include "text/csv_field.hpp"

#include <gtest/gtest.h>

namespace locus::text {
namespace {

TEST(CsvField, IsQuotedWhereItMustBe) {
    EXPECT_EQ(csv_field("cat 'big'; grey"), "cat 'big'; grey");
    EXPECT_EQ(csv_field(""), "");
    EXPECT_EQ(csv_field("cat, big"), "\"cat, big\"");
    EXPECT_EQ(csv_field("\"big\" cat"), "\"\"\"big\"\" cat\"");
    EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
    EXPECT_EQ(csv_field("two\rlines"), "\"two\rlines\"");
}

}  // namespace
}  // namespace locus::text
