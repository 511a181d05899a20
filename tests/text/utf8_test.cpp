#include "text/utf8.hpp"

#include <gtest/gtest.h>

namespace text = locus::text;

TEST(IsUtf8, FollowsRfc3629) {
    EXPECT_TRUE(text::is_utf8("\xf4\x8f\xbf\xbf"));   // U+10FFFF
    EXPECT_FALSE(text::is_utf8("\xf4\x90\x80\x80"));  // above it
    EXPECT_FALSE(text::is_utf8("\xc0\xaf"));          // overlong
    EXPECT_FALSE(text::is_utf8("\xed\xa0\x80"));      // a surrogate
    EXPECT_FALSE(text::is_utf8("\xe2\x82"));          // cut off
}

TEST(FirstCharacter, IsTheCodeAndItsBytes) {
    const auto code = [](std::string_view bytes) {
        const auto character = text::first_character(bytes);
        return character && character->length == bytes.size() ? character->code : char32_t{0};
    };
    EXPECT_EQ(code("a"), U'a');
    EXPECT_EQ(code("\u00e9"), U'\u00e9');
    EXPECT_EQ(code("\u732b"), U'\u732b');
    EXPECT_EQ(code("\U0001f408"), U'\U0001f408');
    EXPECT_FALSE(text::first_character(""));
    EXPECT_FALSE(text::first_character("\x80"));
}

TEST(ToUtf8, LeavesValidTextAlone) {
    const std::string text = "a\\b caf\xc3\xa9 \xe7\x8c\xab \xf0\x9f\x90\x88 \xed\x9f\xbf \xf4\x8f\xbf\xbf";
    EXPECT_EQ(text::to_utf8(text), text);
    EXPECT_EQ(text::to_utf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(ToUtf8, ShowsStrayBytesAsHexadecimal) {
    EXPECT_EQ(text::to_utf8("caf\xe9.jpg"), "caf\\xE9.jpg");
    EXPECT_EQ(text::to_utf8("\xc3"), "\\xC3") << "a sequence cut off at the end";
    EXPECT_EQ(text::to_utf8("\xe7\x8c!"), "\\xE7\\x8C!");
}

TEST(ToUtf8, RefusesWhatRfc3629Refuses) {
    EXPECT_EQ(text::to_utf8("\xc0\xaf"), "\\xC0\\xAF") << "overlong slash";
    EXPECT_EQ(text::to_utf8("\xe0\x80\xaf"), "\\xE0\\x80\\xAF") << "overlong in three bytes";
    EXPECT_EQ(text::to_utf8("\xed\xa0\x80"), "\\xED\\xA0\\x80") << "a surrogate";
    EXPECT_EQ(text::to_utf8("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80") << "above U+10FFFF";
    EXPECT_EQ(text::to_utf8("\xff"), "\\xFF");
}
