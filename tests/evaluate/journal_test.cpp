#include "evaluate/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "error_of.hpp"
#include "support/scratch_folder.hpp"

namespace locus::evaluate {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* heading = R"({"locus-evaluate":3})";

TEST(Journal, TakesNothingMoreWhereItsFileIsGone) {
    const test::ScratchFolder folder;
    Journal journal(folder / "out", heading, 2, Begin::fresh);
    journal.add(0, "{}");
    std::filesystem::rename(folder / "out", folder / "elsewhere");
    EXPECT_TRUE(test::error_of([&] { journal.add(1, "{}"); }).ends_with("the same command begins anew"));
    EXPECT_FALSE(journal.has(1));
}

TEST(Journal, AFolderThatCannotBeIsRefusedInWords) {
    const test::ScratchFolder folder;
    const auto error = [&](const std::filesystem::path& out, Begin begin) {
        return test::error_of([&] { Journal(out, heading, 1, begin); });
    };
    const auto below_a_file = folder.write("file", "text") / "out";
    const auto long_name = folder / std::string(300, 'x');  // 255 bytes are the most that Linux allows
    for (const Begin begin : {Begin::fresh, Begin::resume, Begin::overwrite}) {
        EXPECT_THAT(error(below_a_file, begin), AllOf(StartsWith("io: "), HasSubstr("cannot be made")));
        EXPECT_THAT(error(long_name, begin), AllOf(StartsWith("io: "), HasSubstr("cannot be looked at")));
    }
    folder.write("out/report.html/file", "a folder in the report's place");
    EXPECT_THAT(error(folder / "out", Begin::overwrite),
                AllOf(StartsWith("io: "), HasSubstr("report.html"), HasSubstr("cannot be removed")));
}

}  // namespace
}  // namespace locus::evaluate
