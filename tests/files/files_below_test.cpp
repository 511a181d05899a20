#include "files/files_below.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch_folder.hpp"

namespace locus::files {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(FilesBelow, AreThoseOfTheEndingInAllFoldersSorted) {
    const test::ScratchFolder folder;
    const auto last = folder.write("f/b.xml", ""), first = folder.write("f/a/z.XML", "");
    folder.write("f/a/other.json", "");
    folder.write("f/xml", "");
    fs::create_directories(folder / "f/folder.xml");
    std::error_code failed;
    EXPECT_THAT(files_below(folder / "f", ".xml", failed), ElementsAre(first, last));
    EXPECT_FALSE(failed);
}

TEST(FilesBelow, LinksCountWhereTheyMayBeFiles) {
    const test::ScratchFolder folder;
    const auto file = folder.write("f/a.xml", "");
    fs::create_symlink("a.xml", folder / "f/link.xml");
    fs::create_symlink("loop.xml", folder / "f/loop.xml");
    fs::create_symlink("nowhere", folder / "f/lost.xml");
    fs::create_directory_symlink("..", folder / "f/up");
    std::error_code failed;
    EXPECT_THAT(files_below(folder / "f", ".xml", failed),
                ElementsAre(file, folder / "f/link.xml", folder / "f/loop.xml"));
    EXPECT_FALSE(failed);
}

TEST(FilesBelow, AFolderThatCannotBeLookedIntoIsAnError) {
    const test::ScratchFolder folder;
    std::error_code failed;
    EXPECT_THAT(files_below(folder / "nowhere", ".xml", failed), IsEmpty());
    EXPECT_EQ(failed, std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace locus::files
