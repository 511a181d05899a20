/// The command as processes: several that train together, and what is left when one is stopped or killed.

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "color_photos.hpp"

namespace locus::train {
namespace {

using test::bytes_of;
using test::ScratchFolder;
using testing::HasSubstr;
using Words = std::vector<std::string>;

/// A `locus-train` that runs; killed where a test leaves it behind.
class Process {
public:
    Process(const Words& arguments, const Words& environment, std::filesystem::path log) : log_(std::move(log)) {
        Words all{LOCUS_TRAIN_COMMAND};
        all.insert(all.end(), arguments.begin(), arguments.end());
        Words variables = environment;
        variables.emplace_back("OMP_NUM_THREADS=1");
        std::vector<char*> argv, envp;
        for (std::string& word : all) argv.push_back(word.data());
        for (std::string& word : variables) envp.push_back(word.data());
        argv.push_back(nullptr);
        envp.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 2, log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        EXPECT_EQ(posix_spawn(&id_, argv[0], &actions, nullptr, argv.data(), envp.data()), 0);
        posix_spawn_file_actions_destroy(&actions);
    }
    ~Process() {
        if (id_ <= 0) return;
        ::kill(id_, SIGKILL);
        wait();
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void signal(int number) const { ::kill(id_, number); }

    /// The exit code; 128 + signal where one ended it.
    int wait() {
        int status = 0;
        ::waitpid(id_, &status, 0);
        id_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    std::string said() const { return bytes_of(log_); }

private:
    pid_t id_ = 0;
    std::filesystem::path log_;
};

/// A port that nobody listens at now.
int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(socket);
    return ntohs(address.sin_port);
}

/// Rows of log.csv as numbers; empty fields are -1.
std::vector<std::vector<double>> rows_of(const std::filesystem::path& file) {
    std::istringstream text(bytes_of(file));
    std::string line;
    std::getline(text, line);
    std::vector<std::vector<double>> rows;
    while (std::getline(text, line)) {
        std::istringstream fields(line);
        std::string field;
        rows.emplace_back();
        while (std::getline(fields, field, ',')) rows.back().push_back(field.empty() ? -1 : std::stod(field));
    }
    return rows;
}

class Processes : public testing::Test {
protected:
    void SetUp() override {
        test::write_colors(folder, "train", 12);
        test::write_colors(folder, "val", 5);
    }

    Words command(const std::string& run, const Words& more) const {
        Words words{"--data",    (folder / "train").string(),
                    "--val",     (folder / "val").string(),
                    "--arch",    "tiny",
                    "--width",   "0.1",
                    "--size",    "16",
                    "--lr",      "0.02",
                    "--threads", "1",
                    "-o",        (folder / (run + ".onnx")).string()};
        words.insert(words.end(), more.begin(), more.end());
        return words;
    }

    std::unique_ptr<Process> start(const std::string& run, const Words& more, const Words& environment = {},
                                   const std::string& log = "") const {
        return std::make_unique<Process>(command(run, more), environment, folder / (run + log + ".log"));
    }

    std::unique_ptr<Process> start_rank(const std::string& run, int rank, int port, const Words& more) const {
        return start(run, more,
                     {"RANK=" + std::to_string(rank), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1",
                      "MASTER_PORT=" + std::to_string(port)},
                     std::to_string(rank));
    }

    /// Waits until the run's log has so many epochs; false where the process ends before.
    bool wait_for_epochs(const std::string& run, std::size_t epochs) const {
        for (int i = 0; i < 120000; ++i) {
            if (rows_of(folder / (run + ".onnx.training/log.csv")).size() >= epochs) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }

    ScratchFolder folder;
};

TEST_F(Processes, KilledAndResumedGivesTheSameBits) {
    const Words options{"--epochs",           "40", "--batch", "8",  "--norm-batch", "4",
                        "--checkpoint-every", "0",  "--mixup", "0.2"};
    ASSERT_EQ(start("whole", options)->wait(), 0);
    auto broken = start("broken", options);
    ASSERT_TRUE(wait_for_epochs("broken", 3)) << broken->said();
    broken->signal(SIGKILL);
    ASSERT_EQ(broken->wait(), 128 + SIGKILL) << "it was at its end before it could be killed";
    Words again = options;
    again.emplace_back("--resume");
    auto resumed = start("broken", again);
    ASSERT_EQ(resumed->wait(), 0) << resumed->said();
    EXPECT_THAT(resumed->said(), HasSubstr("going on from"));
    EXPECT_EQ(bytes_of(folder / "broken.onnx"), bytes_of(folder / "whole.onnx"));
}

TEST_F(Processes, InterruptedSavesAndGoesOn) {
    const Words options{"--epochs", "40", "--batch", "8", "--norm-batch", "4"};
    ASSERT_EQ(start("whole", options)->wait(), 0);
    auto broken = start("broken", options);
    ASSERT_TRUE(wait_for_epochs("broken", 2)) << broken->said();
    broken->signal(SIGINT);
    ASSERT_EQ(broken->wait(), 130);
    EXPECT_THAT(broken->said(), HasSubstr("the same command with --resume goes on"));
    Words again = options;
    again.emplace_back("--resume");
    ASSERT_EQ(start("broken", again)->wait(), 0);
    EXPECT_EQ(bytes_of(folder / "broken.onnx"), bytes_of(folder / "whole.onnx"));
}

TEST_F(Processes, AClosedTerminalSavesToo) {
    const Words options{"--epochs", "100000", "--batch", "8", "--norm-batch", "4"};
    auto closed = start("closed", options);
    ASSERT_TRUE(wait_for_epochs("closed", 2)) << closed->said();
    closed->signal(SIGHUP);
    closed->signal(SIGHUP);  // the shell and the kernel both tell
    ASSERT_EQ(closed->wait(), 130);
    EXPECT_THAT(closed->said(), HasSubstr("the same command with --resume goes on"));
    EXPECT_TRUE(std::filesystem::exists(folder / "closed.onnx.training/checkpoint.locus"));
}

TEST_F(Processes, SignalsThatTheCallerHasIgnoredStayIgnored) {
    const auto before_int = std::signal(SIGINT, SIG_IGN), before_hup = std::signal(SIGHUP, SIG_IGN);
    auto run = start("nohup", {"--epochs", "30", "--batch", "8", "--norm-batch", "4"});
    std::signal(SIGINT, before_int);
    std::signal(SIGHUP, before_hup);
    ASSERT_TRUE(wait_for_epochs("nohup", 2)) << run->said();
    run->signal(SIGINT);
    run->signal(SIGHUP);
    EXPECT_EQ(run->wait(), 0) << run->said();
    EXPECT_TRUE(std::filesystem::exists(folder / "nohup.onnx"));
}

TEST_F(Processes, NumbersOutsideTheirRangeAreRefusedWithIt) {
    const auto complaint = [&](const std::string& option, const std::string& value) {
        // The folder is not there: an option that gets through fails for another reason, and does not train.
        Process run({"--data", (folder / "none").string(), option, value}, {}, folder / "refused.log");
        EXPECT_EQ(run.wait(), 2) << option << " " << value;
        return run.said();
    };
    EXPECT_THAT(complaint("--loader-threads", "0"),
                HasSubstr("--loader-threads: it takes a whole number from 1 to 1024, not '0'"));
    EXPECT_THAT(complaint("--epochs", "2.5"),
                HasSubstr("--epochs: it takes a whole number from 1 to 1000000, not '2.5'"));
    EXPECT_THAT(complaint("--min-area", "-1"), HasSubstr("--min-area: it takes a number from 0 to 1, not '-1'"));
    EXPECT_THAT(complaint("--lr", "nan"), HasSubstr("--lr: it takes a number from 0 to 1000000, not 'nan'"));
    EXPECT_THAT(complaint("--seed", "-1"), HasSubstr("--seed: it takes a whole number from 0 to 18446744073709551615"));
    for (const char* option : {"--val-split",
                               "--width",
                               "--new-lr-factor",
                               "--size",
                               "--minutes",
                               "--batch",
                               "--norm-batch",
                               "--warm-up",
                               "--momentum",
                               "--weight-decay",
                               "--mixup",
                               "--label-smoothing",
                               "--ema",
                               "--padding",
                               "--jitter",
                               "--erase",
                               "--threads",
                               "--val-every",
                               "--checkpoint-every",
                               "--stop-after"}) {
        EXPECT_THAT(complaint(option, "-1"), HasSubstr(std::string(option) + ": it takes a ")) << option;
    }
    Process run({"--data", (folder / "none").string(), "--std", "0.2", "0", "0.2"}, {}, folder / "refused.log");
    EXPECT_EQ(run.wait(), 2);
    EXPECT_THAT(run.said(), HasSubstr("--std: it takes a number from 1e-09 to 1000000000, not '0'"));
}

TEST_F(Processes, OptionsWithoutEffectOnAFrozenTrunkAreRefused) {
    const auto complaint = [&](const Words& more) {
        Words words{"--data", (folder / "none").string(), "--from", (folder / "none.onnx").string(), "--freeze",
                    "trunk"};
        words.insert(words.end(), more.begin(), more.end());
        Process run(words, {}, folder / "refused.log");
        run.wait();
        return run.said();
    };
    for (const Words& more : {Words{"--lr", "0.1"}, {"--optimizer", "adamw"}, {"--no-flip"}, {"--minutes", "3"}})
        EXPECT_THAT(complaint(more), HasSubstr("has no effect on --freeze trunk")) << more[0];
    EXPECT_THAT(complaint({"--epochs", "3", "--head", "gmp", "--half-weights", "--seed", "2"}),
                testing::Not(HasSubstr("has no effect")));
}

#ifdef LOCUS_WITH_GLOO

TEST_F(Processes, TwoGiveTheLossesOfOneWithTheDoubledBatch) {
    // 36 photos: three steps of 10, in groups of 5 of which ranks take 2 and 3, and a rest of 6.
    const Words common{"--epochs", "3", "--norm-batch", "5", "--min-area", "0.6"};
    const auto with_batch = [&](const char* batch) {
        Words words = common;
        words.insert(words.end(), {"--batch", batch});
        return words;
    };
    auto one = start("one", with_batch("10"));
    ASSERT_EQ(one->wait(), 0) << one->said();
    const int port = free_port();
    auto second = start_rank("two", 1, port, with_batch("5")), first = start_rank("two", 0, port, with_batch("5"));
    ASSERT_EQ(first->wait(), 0) << first->said();
    ASSERT_EQ(second->wait(), 0) << second->said();
    EXPECT_EQ(second->said(), "");

    const auto alone = rows_of(folder / "one.onnx.training/log.csv"),
               both = rows_of(folder / "two.onnx.training/log.csv");
    ASSERT_EQ(alone.size(), 3U);
    ASSERT_EQ(both.size(), 3U);
    for (std::size_t epoch = 0; epoch < 3; ++epoch) {
        EXPECT_EQ(both[epoch][2], alone[epoch][2]);                            // learning rate
        EXPECT_NEAR(both[epoch][3], alone[epoch][3], 1e-4 * alone[epoch][3]);  // training loss
        EXPECT_EQ(both[epoch][4], alone[epoch][4]);                            // right in training
        EXPECT_NEAR(both[epoch][5], alone[epoch][5], 1e-4 * alone[epoch][5]);  // validation loss
        EXPECT_EQ(both[epoch][6], alone[epoch][6]);                            // top-1
    }
}

TEST_F(Processes, RankThatIsKilledEndsTheOtherWhichLeavesItsState) {
    const Words options{"--epochs", "100000", "--batch", "8", "--norm-batch", "8"};
    for (const int killed : {1, 0}) {
        const std::string run = "killed" + std::to_string(killed);
        const int port = free_port();
        std::unique_ptr<Process> ranks[]{start_rank(run, 0, port, options), start_rank(run, 1, port, options)};
        ASSERT_TRUE(wait_for_epochs(run, 2)) << ranks[0]->said();
        ranks[killed]->signal(SIGKILL);
        ranks[killed]->wait();
        EXPECT_EQ(ranks[1 - killed]->wait(), 1);
        EXPECT_THAT(ranks[1 - killed]->said(), HasSubstr("another rank has ended"));
        EXPECT_THAT(ranks[1 - killed]->said(), HasSubstr("the same command with --resume goes on"));

        const int next_port = free_port();
        Words again{"--epochs", "1", "--batch", "8", "--norm-batch", "8", "--resume"};
        auto first = start_rank(run, 0, next_port, again), second = start_rank(run, 1, next_port, again);
        EXPECT_EQ(first->wait(), 0) << first->said();
        EXPECT_EQ(second->wait(), 0) << second->said();
        EXPECT_THAT(first->said(), HasSubstr("going on from"));
    }
}

TEST_F(Processes, RanksWithOtherOptionsAreNamed) {
    const int port = free_port();
    auto first = start_rank("a", 0, port, {"--batch", "8", "--norm-batch", "8"});
    auto second = start_rank("a", 1, port, {"--batch", "9", "--norm-batch", "8"});
    EXPECT_EQ(first->wait(), 2);
    EXPECT_EQ(second->wait(), 2);
    EXPECT_THAT(first->said(), HasSubstr("rank 1 was given other photos or options than rank 0"));
    EXPECT_THAT(second->said(), HasSubstr("--batch over all ranks is 18 and rank 0 has 16"));
}

TEST_F(Processes, RanksWithAnotherOptimizerAreNamed) {
    const int port = free_port();
    const Words common{"--epochs", "1", "--batch", "8", "--norm-batch", "8"};
    Words other = common;
    other.insert(other.end(), {"--optimizer", "adamw", "--jitter", "0.1"});
    auto first = start_rank("a", 0, port, common), second = start_rank("a", 1, port, other);
    EXPECT_EQ(first->wait(), 2);
    EXPECT_EQ(second->wait(), 2);
    EXPECT_THAT(second->said(), HasSubstr("(--optimizer is adamw and rank 0 has sgd, and --jitter is 0.1 and"));
}

#endif

/// What `locus-train` says on standard error, and its exit code.
std::pair<int, std::string> outcome(const ScratchFolder& folder, const Words& words) {
    Process process(words, {}, folder / "said");
    const int code = process.wait();
    return {code, process.said()};
}

TEST(TrainCommand, SaysOfAWrongOptionWhatWasMeant) {
    const ScratchFolder folder;
    EXPECT_EQ(
        outcome(folder, {"--data", "x", "--epoch", "3"}),
        std::pair(2, std::string("locus: error: `locus train` has no option '--epoch'; did you mean '--epochs'?\n")));
    EXPECT_EQ(outcome(folder, {"--data", "x", "-o", "a", "-o", "b"}),
              std::pair(2, std::string("locus: error: --output is given twice: it takes one value\n")));
    const auto [code, said] = outcome(folder, {"--data", "x", "--epochs", "0"});
    EXPECT_EQ(code, 2);
    EXPECT_THAT(said, testing::StartsWith("locus: error: --epochs"));
    EXPECT_THAT(said, testing::Not(HasSubstr("Run with")));
    EXPECT_THAT(outcome(folder, {"--data", "x", "--run", ""}).second, HasSubstr("its value is empty"));
}

}  // namespace
}  // namespace locus::train
