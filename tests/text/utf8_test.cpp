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
