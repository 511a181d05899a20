#include "report/journal_line.hpp"

#include <gtest/gtest.h>

#include "report/report_html.hpp"
#include "report/results_json.hpp"
#include "sample_run.hpp"
#include "text/base64.hpp"

namespace locus::report {
namespace {

TEST(JournalLine, SaysAllThatWasPutIntoIt) {
    const ImageRecord image = sample_image("a\tb.jpg");  // a tab must not end a field
    const std::string jpeg = "jpeg";
    const auto preview = std::as_bytes(std::span(jpeg));
    const auto shown = read_journal_line(journal_line(7, image, preview, true));
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->index, 7U);
    EXPECT_FALSE(shown->is_failure);
    EXPECT_EQ(shown->json, image_json(image));
    EXPECT_EQ(shown->maps, report_maps(image));
    EXPECT_EQ(shown->preview, text::base64(preview));

    const auto hidden = read_journal_line(journal_line(8, image, {}, false));
    ASSERT_TRUE(hidden);
    EXPECT_EQ(hidden->json, image_json(image));
    EXPECT_EQ(hidden->maps + hidden->preview, "");

    const Failure failure{"c.jpg", "is empty"};
    const auto failed = read_journal_line(journal_line(9, failure));
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->index, 9U);
    EXPECT_TRUE(failed->is_failure);
    EXPECT_EQ(failed->json, failure_json(failure));
}

TEST(JournalLine, DamagedAtAnyByteItSaysNothing) {
    const std::string line = journal_line(12, Failure{"c.jpg", "is empty"});
    ASSERT_TRUE(read_journal_line(line));
    for (std::size_t i = 0; i < line.size(); ++i) {
        std::string damaged = line;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        EXPECT_FALSE(read_journal_line(damaged)) << damaged;
        EXPECT_FALSE(read_journal_line(std::string_view(line).substr(0, i))) << i;
    }
}

}  // namespace
}  // namespace locus::report
