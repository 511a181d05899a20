#include "text/quote.hpp"

#include <gtest/gtest.h>

#include "text/utf8.hpp"

namespace text = locus::text;

TEST(Quote, LeavesWordsOfAllLanguagesAlone) {
    EXPECT_EQ(text::quote("conv1"), "'conv1'");
    EXPECT_EQ(text::quote("Köln 東京 🐈"), "'Köln 東京 🐈'");
}

TEST(Quote, SpellsOutWhatWouldGarble) {
    EXPECT_EQ(text::quote("a\nb\x1b[31m"), "'a\\x0Ab\\x1B[31m'");
    EXPECT_EQ(text::quote("\xff\xc3"), "'\\xFF\\xC3'");
    EXPECT_EQ(text::quote("\xc2\x9b"), "'\\xC2\\x9B'");  // a C1 control character
}

TEST(Printable, IsQuoteWithoutQuotesOrLimit) {
    EXPECT_EQ(text::printable("a\nb"), "a\\x0Ab");
    EXPECT_EQ(text::printable("a\u202egpj.b"), "a\\xE2\\x80\\xAEgpj.b");  // else shown as a, b.jpg
    EXPECT_EQ(text::printable("\u2013\u65e5"), "\u2013\u65e5");
    EXPECT_EQ(text::printable(std::string(1000, 'a')), std::string(1000, 'a'));
}

TEST(Quote, ShortensBetweenCharacters) {
    EXPECT_EQ(text::quote(std::string(1000, 'a'), 10), "'aaaaa…aaaaa'");
    std::string umlauts;
    for (int i = 0; i < 100; ++i) umlauts += "ä";
    const std::string shortened = text::quote(umlauts, 11);
    EXPECT_TRUE(text::is_utf8(shortened));
    EXPECT_EQ(shortened.find("\\x"), std::string::npos);
}
