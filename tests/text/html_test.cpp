#include "text/html.hpp"

#include <gtest/gtest.h>

namespace text = locus::text;

TEST(ToHtml, EscapesWhatElementsAndAttributesWouldReadAsMarkup) {
    EXPECT_EQ(text::to_html("<b>\"it's\" & co</b>"), "&lt;b&gt;&quot;it&#39;s&quot; &amp; co&lt;/b&gt;");
    EXPECT_EQ(text::to_html("&amp;"), "&amp;amp;");
}

TEST(ToHtml, LeavesOtherTextAlone) { EXPECT_EQ(text::to_html("caf\u00e9 \u732b 3/4"), "caf\u00e9 \u732b 3/4"); }
