#include "files/sha256.hpp"

#include <gtest/gtest.h>

#include "locus/error.hpp"
#include "support/scratch_folder.hpp"

namespace locus::files {
namespace {

// The one-block, empty and million-letter messages of FIPS 180-4's published examples.
TEST(Sha256, GivesTheStandardsExamples) {
    EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
    const test::ScratchFolder folder;
    const std::string bytes((3 << 20) + 17, 'z');
    test::put(folder / "file", bytes);
    EXPECT_EQ(sha256_of_file(folder / "file"), sha256(bytes));
}

TEST(Sha256, NamesTheFileThatCannotBeRead) {
    const test::ScratchFolder folder;
    for (const auto& path : {folder / "missing.onnx", folder.path()}) {
        try {
            sha256_of_file(path);
            FAIL() << path;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::io);
            EXPECT_NE(std::string(error.what()).find(path.filename().string()), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace locus::files
