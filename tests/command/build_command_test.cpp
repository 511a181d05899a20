#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace model = locus::model;
using locus::test::run_locus;
using locus::test::ScratchFolder;
using testing::HasSubstr;

TEST(BuildCommand, WritesTheNetworkThatTheLibraryBuilds) {
    const ScratchFolder folder;
    const auto outcome =
        run_locus(folder.path(), {"build", "nin", "-o", "out/n.onnx", "--classes", "4", "--width", "0.05", "--size",
                                  "128", "--opset", "9", "--head", "gmp", "--batch", "2", "--softmax", "--seed", "3"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("n.onnx: nin, opset 9, 4 classes"));
    model::Model expected = model::build({.name = "nin",
                                          .classes = 4,
                                          .width = 0.05,
                                          .image_size = 128,
                                          .opset = 9,
                                          .head = model::Head::gmp,
                                          .batch = 2,
                                          .softmax = true,
                                          .seed = 3});
    expected.metadata[model::built_key] = "nin, seed 3";
    EXPECT_EQ(locus::test::read_text(folder / "out/n.onnx"), model::serialize(expected));
}

TEST(BuildCommand, ReplacesItsOwnFilesAlone) {
    const ScratchFolder folder;
    const std::vector<std::string> command{"build", "tiny", "-o", "n.onnx", "-q"};
    EXPECT_EQ(run_locus(folder.path(), command).exit_code, 0);
    EXPECT_EQ(run_locus(folder.path(), command).exit_code, 0);
    folder.write("n.onnx", "somebody's");
    const auto refused = run_locus(folder.path(), command);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, HasSubstr("'n.onnx' is there and is not a network that `locus build` made"));
    EXPECT_EQ(locus::test::read_text(folder / "n.onnx"), "somebody's");
    EXPECT_EQ(run_locus(folder.path(), {"build", "tiny", "-o", "n.onnx", "--overwrite"}).exit_code, 0);
}

TEST(BuildCommand, WrongUsageEndsWithTwo) {
    const ScratchFolder folder;
    const auto run = [&](const std::vector<std::string>& arguments) { return run_locus(folder.path(), arguments); };
    const auto unknown = run({"build", "resnet19", "-o", "x.onnx"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.err, HasSubstr("did you mean 'resnet18'"));
    EXPECT_EQ(run({"build", "tiny", "-o", "x.onnx", "--opset", "99"}).exit_code, 2);
    EXPECT_EQ(run({"build", "tiny", "-o", "x.onnx", "--head", "none"}).exit_code, 2);
    EXPECT_EQ(run({"build", "tiny"}).exit_code, 2);
    EXPECT_THAT(run({"build", "tiny", "-o", "x.onnx", "--batch", "0"}).err, HasSubstr("from 1 to 65536, not '0'"));
    EXPECT_THAT(run({"build", "tiny", "-o", "x.onnx", "-s", "0"}).err, HasSubstr("from 1 to 16384, not '0'"));
    EXPECT_FALSE(std::filesystem::exists(folder / "x.onnx"));
}
