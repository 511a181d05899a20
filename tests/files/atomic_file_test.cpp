#include "files/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "locus/error.hpp"
#include "support/scratch_folder.hpp"

namespace locus::files {
namespace {

std::size_t files_in(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
    const test::ScratchFolder folder;
    AtomicFile file(folder / "a/b/results.json");
    file.write("half");
    EXPECT_FALSE(std::filesystem::exists(folder / "a/b/results.json"));
    file.write(" and half");
    file.commit();
    EXPECT_EQ(test::contents(folder / "a/b/results.json"), "half and half");
    EXPECT_EQ(files_in(folder / "a/b"), 1U);
}

TEST(AtomicFile, LeavesTheOldFileWhenAbandoned) {
    const test::ScratchFolder folder;
    test::put(folder / "kept", "old");
    {
        AtomicFile file(folder / "kept");
        file.write(std::string(1 << 20, 'x'));
    }
    EXPECT_EQ(test::contents(folder / "kept"), "old");
    EXPECT_EQ(files_in(folder.path()), 1U) << "the part file is still there";
}

TEST(AtomicFile, StaysAsPrivateAsTheFileThatItReplaces) {
    const test::ScratchFolder folder;
    test::put(folder / "model.onnx", "private");
    std::filesystem::permissions(folder / "model.onnx", std::filesystem::perms::owner_read);
    write_file_atomically(folder / "model.onnx", std::string_view("new"));
    EXPECT_EQ(test::contents(folder / "model.onnx"), "new");
    EXPECT_EQ(std::filesystem::status(folder / "model.onnx").permissions(), std::filesystem::perms::owner_read);
}

TEST(AtomicFile, FollowsALinkToTheFileThatIsMeant) {
    const test::ScratchFolder folder;
    std::filesystem::create_directory(folder / "elsewhere");
    test::put(folder / "elsewhere/file", "old");
    std::filesystem::create_symlink("elsewhere/file", folder / "link");
    write_file_atomically(folder / "link", std::string_view("new"));
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
    EXPECT_EQ(test::contents(folder / "elsewhere/file"), "new");
}

TEST(AtomicFile, APipeIsWrittenToAndStays) {
    const test::ScratchFolder folder;
    const auto pipe = folder / "pipe";
    ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
    auto text = std::async(std::launch::async, [&] { return test::contents(pipe); });
    write_file_atomically(pipe, std::string_view("through the pipe"));
    EXPECT_EQ(text.get(), "through the pipe");
    EXPECT_TRUE(std::filesystem::is_fifo(pipe));
    EXPECT_EQ(files_in(folder.path()), 1U);
}

TEST(AtomicFile, WritesPiecesSmallerAndLargerThanItsBuffer) {
    const test::ScratchFolder folder;
    AtomicFile file(folder / "pieces");
    std::string expected;
    for (const std::size_t size : {1UL, 300000UL, 0UL, 7UL, 262144UL, 262143UL, 2UL}) {
        const std::string piece(size, static_cast<char>('a' + size % 26));
        file.write(piece);
        expected += piece;
    }
    file.commit();
    EXPECT_EQ(test::contents(folder / "pieces"), expected);
}

TEST(AtomicFile, FitsANameAsLongAsTheFileSystemTakes) {
    const test::ScratchFolder folder;
    const std::string name(255, 'n');
    write_file_atomically(folder / name, "long");
    EXPECT_EQ(test::contents(folder / name), "long");
}

TEST(AtomicFile, SaysWhereItCannotWrite) {
    const test::ScratchFolder folder;
    test::put(folder / "a-file", "");
    try {
        write_file_atomically(folder / "a-file/below", "x");
        FAIL() << "a file has no files in it";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::io);
        EXPECT_NE(std::string(error.what()).find("a-file/below"), std::string::npos) << error.what();
    }
}

TEST(AtomicFile, PartFilesOfKilledRunsAreClearedAndOthersAreNot) {
    const test::ScratchFolder folder;
    test::put(folder / "maps/.locus-part-123-0", "torn");
    test::put(folder / ".locus-part-77-12", "torn");
    test::put(folder / "maps/locus-part-1.npy", "a user's");
    test::put(folder / ".hidden", "a user's");
    AtomicFile at_work(folder / "maps/written now.npy");
    EXPECT_EQ(remove_part_files(folder.path()), 2U);
    at_work.write("whole");
    at_work.commit();
    EXPECT_TRUE(std::filesystem::exists(folder / "maps/written now.npy"));
    EXPECT_TRUE(std::filesystem::exists(folder / "maps/locus-part-1.npy"));
    EXPECT_TRUE(std::filesystem::exists(folder / ".hidden"));
    EXPECT_EQ(remove_part_files(folder / "not there"), 0U);
}

TEST(Spool, IsEmptyOnceMoved) {
    const test::ScratchFolder folder;
    Spool spool(folder.path());
    AtomicFile file(folder / "all.txt");
    spool.write("behind");
    file.write("first ");
    spool.move_to(file);
    spool.move_to(file);
    spool.write(", and last");
    spool.move_to(file);
    file.commit();
    EXPECT_EQ(test::contents(folder / "all.txt"), "first behind, and last");
    EXPECT_THROW(Spool(folder / "nowhere"), Error);
}

}  // namespace
}  // namespace locus::files
