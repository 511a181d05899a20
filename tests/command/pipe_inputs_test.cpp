/// Pipes named as inputs: read to their end where somebody writes, and no hindrance to Ctrl-C where nobody does.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "files/npy.hpp"
#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PipeInputs : public testing::Test {
protected:
    PipeInputs() {
        model::save(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64}),
                    folder_ / "model.onnx");
        const Image image{.width = 80, .height = 60, .rgb = std::vector<std::uint8_t>(80 * 60 * 3, 90)};
        const auto bytes = encode_jpeg(image, 80);
        folder_.write("photo.jpg", bytes);
    }

    fs::path pipe(const std::string& name) const {
        EXPECT_EQ(::mkfifo((folder_ / name).c_str(), 0600), 0);
        return folder_ / name;
    }

    /// A shell's line in the folder, where $LOCUS is the command.
    int shell(const std::string& line) const {
        const std::string all =
            "cd " + test::quoted(folder_.path()) + " || exit; LOCUS=" + test::quoted(LOCUS_COMMAND) + "; " + line;
        return test::exit_code(std::system(("bash -c " + test::quoted(all)).c_str()));
    }

    /// Starts the command, presses Ctrl-C when `journal` has its first line, and returns how it ended.
    int run_and_interrupt(const std::vector<std::string>& arguments, const fs::path& journal) const {
        const pid_t child = test::start_locus(folder_.path(), arguments);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        const auto nap = std::chrono::milliseconds(5);
        int status = 0;
        bool pressed = false;
        while (::waitpid(child, &status, WNOHANG) == 0) {
            if (std::chrono::steady_clock::now() > deadline) {
                ::kill(child, SIGKILL);
                ::waitpid(child, &status, 0);
                return 128 + SIGKILL;
            }
            if (!pressed && test::read_text(journal).find("photo.jpg") != std::string::npos)
                pressed = ::kill(child, SIGINT) == 0;
            std::this_thread::sleep_for(nap);
        }
        return test::exit_code(status);
    }

    test::ScratchFolder folder_;
};

TEST_F(PipeInputs, APipeIsReadOnceWhereABatchComesApart) {
    const model::Model network =
        model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64, .dynamic_size = true});
    model::save(network, folder_ / "any-size.onnx");
    files::write_npy(folder_ / "a.npy", Tensor(DataType::float32, {3, 96, 96}));
    files::write_npy(folder_ / "b.npy", Tensor(DataType::float32, {3, 80, 80}));
    pipe("pipe");
    EXPECT_EQ(
        shell("cat photo.jpg > pipe & timeout 60 \"$LOCUS\" explain -m any-size.onnx a.npy pipe b.npy --size 64 -b 3 "
              "-o out -q"),
        0);
    EXPECT_THAT(test::read_text(folder_ / "out/results.json"), HasSubstr("\"pipe\""));
}

TEST_F(PipeInputs, CtrlCEndsTheWaitForAWriterAndResumeReadsThePipe) {
    pipe("pipe");
    const std::vector<std::string> command{"explain", "-m", "model.onnx", "pipe", "photo.jpg", "-o",
                                           "out",     "-q", "-j",         "2",    "--resume"};
    ASSERT_EQ(run_and_interrupt(command, folder_ / "out/.locus/journal"), 130);
    EXPECT_EQ(shell("cat photo.jpg > pipe & \"$LOCUS\" explain -m model.onnx pipe photo.jpg -o out -q --resume"), 0);
    const std::string results = test::read_text(folder_ / "out/results.json");
    EXPECT_THAT(results, HasSubstr("\"pipe\""));
    EXPECT_THAT(results, HasSubstr("\"photo.jpg\""));
}

TEST_F(PipeInputs, CtrlCEndsTheWaitForAWriterThatIsSilent) {
    const fs::path name = pipe("pipe");
    const int writer = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(writer, 0);
    ASSERT_EQ(::write(writer, "\xff\xd8", 2), 2);
    EXPECT_EQ(run_and_interrupt({"explain", "-m", "model.onnx", "photo.jpg", "pipe", "-o", "out", "-q", "-j", "1"},
                                folder_ / "out/.locus/journal"),
              130);
    ::close(writer);
}

TEST_F(PipeInputs, ProcessSubstitutionAndStandardInputAreRead) {
    EXPECT_EQ(shell("\"$LOCUS\" explain -m model.onnx <(sleep 0.3; cat photo.jpg) -o late -q"), 0);
    EXPECT_EQ(shell("\"$LOCUS\" explain -m model.onnx <(cat photo.jpg) <(head -c 200 photo.jpg; sleep 0.2; "
                    "tail -c +201 photo.jpg) -o two -q"),
              0);
    EXPECT_EQ(shell("cat photo.jpg | \"$LOCUS\" explain -m model.onnx /dev/stdin -o stdin -q"), 0);
    EXPECT_EQ(shell("\"$LOCUS\" explain -m model.onnx <(true) -o empty -q 2> .err"), 1);
    EXPECT_THAT(test::read_text(folder_ / ".err"), HasSubstr("is empty"));
}

TEST_F(PipeInputs, APatternReadsNoPipes) {
    pipe("late.png");
    const auto outcome = test::run_locus(folder_.path(), {"explain", "-m", "model.onnx", "*.png", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("not read by a pattern"));
}

TEST_F(PipeInputs, AnArrayInAPipeIsRefused) {
    pipe("x.npy");
    const auto outcome = test::run_locus(folder_.path(), {"explain", "-m", "model.onnx", "x.npy", "-o", "out"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("not from a pipe"));
}

}  // namespace
}  // namespace locus
