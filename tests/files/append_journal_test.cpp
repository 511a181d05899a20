#include "files/append_journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "error_of.hpp"
#include "support/scratch_folder.hpp"

namespace locus::files {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

std::vector<std::string> lines_behind_heading(AppendJournal& journal) {
    std::vector<std::string> lines;
    journal.read_back([&](const std::string& line, std::uint64_t offset) {
        EXPECT_EQ(journal.read(offset, line.size()), line);
        lines.push_back(line);
        return true;
    });
    return lines;
}

TEST(AppendJournal, LinesAreThereForTheNextProcess) {
    const test::ScratchFolder folder;
    const auto path = folder / "made/journal";
    {
        AppendJournal journal(path, "");
        EXPECT_EQ(journal.first_line().text, "");
        EXPECT_FALSE(journal.first_line().is_whole);
        journal.begin("heading");
        const std::uint64_t first = journal.append("one");
        EXPECT_EQ(journal.read(first, 3), "one");
        EXPECT_EQ(journal.append("two"), first + 4);
    }
    AppendJournal journal(path, "");
    EXPECT_EQ(journal.first_line().text, "heading");
    EXPECT_TRUE(journal.first_line().is_whole);
    EXPECT_THAT(lines_behind_heading(journal), ElementsAre("one", "two"));
    journal.append("three");
    EXPECT_EQ(test::contents(path), "heading\none\ntwo\nthree\n");
    journal.begin("another");
    EXPECT_EQ(test::contents(path), "another\n");
}

TEST(AppendJournal, ALastLineWithoutItsEndIsCutOff) {
    const test::ScratchFolder folder;
    AppendJournal journal(folder.write("journal", "heading\none\ntw"), "");
    EXPECT_THAT(lines_behind_heading(journal), ElementsAre("one"));
    journal.append("three");
    EXPECT_EQ(test::contents(folder / "journal"), "heading\none\nthree\n");
}

TEST(AppendJournal, AHeadingWithoutItsEndIsShownAsSuch) {
    const test::ScratchFolder folder;
    AppendJournal journal(folder.write("journal", "head"), "");
    EXPECT_EQ(journal.first_line().text, "head");
    EXPECT_FALSE(journal.first_line().is_whole);
    EXPECT_THAT(lines_behind_heading(journal), ElementsAre());
}

TEST(AppendJournal, FromALineThatIsRefusedOnAllIsCutOff) {
    const test::ScratchFolder folder;
    AppendJournal journal(folder.write("journal", "heading\none\nbad\ntwo\n"), "");
    journal.read_back([](const std::string& line, std::uint64_t) { return line != "bad"; });
    EXPECT_EQ(test::contents(folder / "journal"), "heading\none\n");
}

TEST(AppendJournal, WhereReadingBackThrowsNothingIsCutOff) {
    const test::ScratchFolder folder;
    AppendJournal journal(folder.write("journal", "heading\none\ntw"), "");
    EXPECT_THROW(journal.read_back([](const std::string&, std::uint64_t) -> bool { throw 1; }), int);
    EXPECT_EQ(test::contents(folder / "journal"), "heading\none\ntw");
}

TEST(AppendJournal, ASecondOneIsRefusedUntilTheFirstIsGone) {
    const test::ScratchFolder folder;
    {
        const AppendJournal journal(folder / "journal", "");
        EXPECT_EQ(test::error_of([&] { AppendJournal(folder / "journal", "somebody writes"); }),
                  "usage: somebody writes");
    }
    EXPECT_EQ(test::error_of([&] { AppendJournal(folder / "journal", "somebody writes"); }), "");
}

TEST(AppendJournal, RemovedItIsGoneAndCanBeBegunAgain) {
    const test::ScratchFolder folder;
    AppendJournal journal(folder / "journal", "");
    journal.begin("heading");
    journal.remove();
    EXPECT_FALSE(std::filesystem::exists(folder / "journal"));
    EXPECT_FALSE(AppendJournal(folder / "journal", "").first_line().is_whole);
}

TEST(AppendJournal, WhatCannotBeWrittenIsSaid) {
    const test::ScratchFolder folder;
    folder.write("file", "text");
    std::filesystem::create_directories(folder / "folder");
    for (const char* path : {"file/journal", "folder"}) {
        EXPECT_THAT(test::error_of([&] { AppendJournal(folder / path, ""); }), StartsWith("io: cannot write "));
    }
}

}  // namespace
}  // namespace locus::files
