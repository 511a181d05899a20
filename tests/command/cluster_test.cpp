/// Ranks that mpirun starts, against one process: the same bytes, whatever happens to them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "locus/image.hpp"
#include "model/networks/builder.hpp"
#include "model/onnx/onnx_file.hpp"
#include "support/run_command.hpp"
#include "support/scratch_folder.hpp"

namespace locus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int pictures = 48;

class Ranks : public testing::Test {
protected:
    void SetUp() override {
#ifndef LOCUS_WITH_MPI
        GTEST_SKIP() << "Locus was built without MPI (scripts/setup.sh mpi)";
#endif
        model::save(model::build({.name = "tiny", .classes = 2, .width = 0.25, .image_size = 64}),
                    folder_.path() / "model.onnx");
        std::mt19937 random(7);
        std::string boxes = "path,x0,y0,x1,y1\n";
        for (int i = 0; i < pictures; ++i) {
            Image image{.width = 160, .height = 120, .rgb = std::vector<std::uint8_t>(160 * 120 * 3)};
            for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random());
            const auto bytes = encode_jpeg(image, 80);
            const std::string name = std::string(i % 2 == 0 ? "ant" : "bee") + "/" + std::to_string(i) + ".jpg";
            test::put(folder_.path() / "photos" / name, bytes);
            boxes += name + ",20,30,99,89\n";
        }
        test::write_text(folder_.path() / "photos/bee/broken.jpg", "no picture");
        test::write_text(folder_.path() / "boxes.csv", boxes);
    }

    static std::vector<std::string> explain(const std::string& out) {
        return {"explain", "-m", "model.onnx", "photos", "-o", out, "--size", "64"};
    }
    static std::vector<std::string> evaluate(const std::string& out) {
        return {"evaluate", "-m",        "model.onnx", "--data",      "photos",    "--boxes",     "boxes.csv",
                "-M",       "cam",       "-M",         "occlusion",   "--metrics", "maxboxaccv2", "-b",
                "2",        "--threads", "1",          "--resamples", "20",        "-o",          out};
    }

    /// The command under mpirun, in the folder.
    test::Outcome mpirun(int ranks, std::vector<std::string> arguments, const std::string& input = {}) const {
        std::string line = "cd " + test::quoted(folder_.path().string()) +
                           " && OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe -n " +
                           std::to_string(ranks) + " " + test::quoted(LOCUS_COMMAND);
        for (const std::string& argument : arguments) line += ' ' + test::quoted(argument);
        test::write_text(folder_.path() / ".in", input);
        line += " <.in >.out 2>.err";
        const int status = std::system(line.c_str());
        return {test::exit_code(status), test::read_text(folder_.path() / ".out"),
                test::read_text(folder_.path() / ".err")};
    }

    /// The processes of the command that were started with these words.
    static std::vector<pid_t> processes_with(const std::string& word) {
        std::vector<pid_t> found;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const std::string name = entry.path().filename();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            const std::string words = test::read_text(entry.path() / "cmdline");
            if (words.starts_with(LOCUS_COMMAND) && words.find(word) != std::string::npos)
                found.push_back(std::stoi(name));
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    /// Runs two ranks and kills one of them as soon as the journal has some lines. They are found by the folder they
    /// write to, whose name no other test may use: tests run beside each other.
    test::Outcome run_and_kill_one(std::vector<std::string> arguments, const fs::path& journal, std::size_t which) {
        const std::string out = fs::path(arguments.back()).string();
        bool killed = false;
        std::jthread killer([&](const std::stop_token& over) {
            while (!over.stop_requested() && !killed) {
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
                const std::string text = test::read_text(folder_.path() / journal);
                if (std::count(text.begin(), text.end(), '\n') < 6) continue;
                const std::vector<pid_t> ranks = processes_with(out);
                if (ranks.size() == 2) killed = ::kill(ranks[which], SIGKILL) == 0;
            }
        });
        test::Outcome outcome = mpirun(2, std::move(arguments));
        killer.request_stop();
        killer.join();
        EXPECT_TRUE(killed) << "the run was over before a rank could be killed";
        return outcome;
    }

    void expect_same_files(const std::string& expected, const std::string& actual, int at_least) const {
        int compared = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / expected)) {
            const std::string name = entry.path().lexically_relative(folder_.path() / expected);
            // Records lie in the order in which they were finished.
            if (!entry.is_regular_file() || name.starts_with(".locus") || name == "records.jsonl") continue;
            EXPECT_EQ(test::read_text(entry.path()), test::read_text(folder_.path() / actual / name)) << name;
            ++compared;
        }
        EXPECT_GE(compared, at_least);
    }

    test::ScratchFolder folder_;
};

TEST_F(Ranks, ExplainToTheSameBytesAsOneProcess) {
    const auto alone = test::run_locus(folder_.path(), explain("alone"));
    ASSERT_EQ(alone.exit_code, 1) << alone.err;  // one picture is broken
    for (const int ranks : {2, 3}) {
        const auto together = mpirun(ranks, explain("together" + std::to_string(ranks)));
        EXPECT_EQ(together.exit_code, 1) << together.err;
        EXPECT_EQ(together.out, alone.out);
        EXPECT_THAT(together.err, HasSubstr("broken.jpg"));
        expect_same_files("alone", "together" + std::to_string(ranks), 2 * pictures);
    }
}

TEST_F(Ranks, ExplainTakesTheListFromRankZerosStandardInput) {
    ASSERT_EQ(test::run_locus(folder_.path(), {"explain", "-m", "model.onnx", "photos/ant/0.jpg", "photos/bee/1.jpg",
                                               "-o", "alone", "--size", "64"})
                  .exit_code,
              0);
    const auto together = mpirun(2, {"explain", "-m", "model.onnx", "-", "-o", "together", "--size", "64"},
                                 "photos/ant/0.jpg\nphotos/bee/1.jpg\n");
    ASSERT_EQ(together.exit_code, 0) << together.err;
    expect_same_files("alone", "together", 4);
}

TEST_F(Ranks, EvaluateToTheSameBytesAsOneProcess) {
    const auto alone = test::run_locus(folder_.path(), evaluate("alone"));
    ASSERT_EQ(alone.exit_code, 1) << alone.err;
    const auto together = mpirun(3, evaluate("together"));
    EXPECT_EQ(together.exit_code, 1) << together.err;
    EXPECT_EQ(together.out, alone.out);
    expect_same_files("alone", "together", 3);
}

TEST_F(Ranks, AKilledRankEndsExplainWithAWordAndResumeCompletesIt) {
    // Occlusion takes long enough for a rank to be killed before all is done.
    const auto slowly = [](const std::string& out) {
        return std::vector<std::string>{"explain", "-m", "model.onnx", "photos", "-M", "occlusion",
                                        "-j",      "1",  "--size",     "64",     "-o", out};
    };
    ASSERT_EQ(test::run_locus(folder_.path(), slowly("whole")).exit_code, 1);
    for (const std::size_t which : {0U, 1U}) {
        const std::string out = "explain-killed" + std::to_string(which);
        std::vector<std::string> slow = slowly(out);
        const auto ended = run_and_kill_one(slow, out + "/.locus/journal", which);
        EXPECT_NE(ended.exit_code, 0);
        EXPECT_THAT(ended.err, HasSubstr("signal 9"));
        EXPECT_THAT(ended.err, HasSubstr("--resume completes " + out));
        slow.push_back("--resume");
        EXPECT_EQ(mpirun(2, slow).exit_code, 1);
        expect_same_files("whole", out, 2 * pictures);
    }
}

TEST_F(Ranks, AKilledRankEndsEvaluateWithAWordAndResumeCompletesIt) {
    ASSERT_EQ(test::run_locus(folder_.path(), evaluate("whole")).exit_code, 1);
    for (const std::size_t which : {0U, 1U}) {
        const std::string out = "evaluate-killed" + std::to_string(which);
        const auto ended = run_and_kill_one(evaluate(out), out + "/records.jsonl", which);
        EXPECT_NE(ended.exit_code, 0);
        EXPECT_THAT(ended.err, HasSubstr("signal 9"));
        EXPECT_THAT(ended.err, HasSubstr("--resume completes " + out));
        EXPECT_FALSE(fs::exists(folder_.path() / out / "metrics.json"));
        std::vector<std::string> again = evaluate(out);
        again.push_back("--resume");
        EXPECT_EQ(mpirun(2, again).exit_code, 1);
        expect_same_files("whole", out, 3);
    }
}

TEST_F(Ranks, AWrongRequestIsToldOnceAndEndsAll) {
    const auto wrong = mpirun(3, {"evaluate", "-m", "nothing.onnx", "--data", "photos", "-o", "out"});
    EXPECT_NE(wrong.exit_code, 0);
    const std::string message = "locus: error: ";
    const auto first = wrong.err.find(message);
    ASSERT_NE(first, std::string::npos) << wrong.err;
    EXPECT_EQ(wrong.err.find(message, first + 1), std::string::npos) << wrong.err;
    EXPECT_THAT(wrong.err, HasSubstr("nothing.onnx"));
}

}  // namespace
}  // namespace locus
