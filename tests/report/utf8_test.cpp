#include "report/utf8.hpp"

#include <gtest/gtest.h>

namespace locus::report {
namespace {

TEST(Utf8, LeavesValidTextAlone) {
    const std::string text = "a\\b caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\x88 \xed\x9f\xbf \xf4\x8f\xbf\xbf";
    EXPECT_EQ(to_utf8(text), text);
    EXPECT_EQ(to_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8, ShowsStrayBytesAsHexadecimal) {
    EXPECT_EQ(to_utf8("caf\xe9.jpg"), "caf\\xE9.jpg");
    EXPECT_EQ(to_utf8("\xc3"), "\\xC3") << "a sequence cut off at the end";
    EXPECT_EQ(to_utf8("\xe7\x8c!"), "\\xE7\\x8C!");
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
    EXPECT_EQ(to_utf8("\xc0\xaf"), "\\xC0\\xAF") << "overlong slash";
    EXPECT_EQ(to_utf8("\xe0\x80\xaf"), "\\xE0\\x80\\xAF") << "overlong in three bytes";
    EXPECT_EQ(to_utf8("\xed\xa0\x80"), "\\xED\\xA0\\x80") << "a surrogate";
    EXPECT_EQ(to_utf8("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80") << "above U+10FFFF";
    EXPECT_EQ(to_utf8("\xff"), "\\xFF");
}

}  // namespace
}  // namespace locus::report
