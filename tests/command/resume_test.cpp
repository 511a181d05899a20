#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>
#include <set>
#include <string>
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

constexpr int pictures = 66;

class Resume : public testing::Test {
protected:
    Resume() {
        // The last bits of its maps depend on how many photos share a pass.
        model::save(
            model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 64, .head = model::Head::fc}),
            folder_.path() / "model.onnx");
        std::mt19937 random(7);
        for (int i = 0; i < pictures; ++i) {
            Image image{.width = 160, .height = 120, .rgb = std::vector<std::uint8_t>(160 * 120 * 3)};
            for (auto& value : image.rgb) value = static_cast<std::uint8_t>(random());
            const auto bytes = encode_jpeg(image, 80);
            test::put(folder_.path() / "photos" / ("photo" + std::to_string(i) + ".jpg"), bytes);
        }
    }

    std::vector<std::string> command(const std::string& out, const std::vector<std::string>& more = {}) const {
        std::vector<std::string> arguments{"explain", "-m", "model.onnx", "photos", "-o", out,
                                           "-q",      "-M", "hires-cam",  "-b",     "2"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }

    /// Starts the command, sends it a signal after a while, and returns how it ended: an exit code, or 128 + the
    /// signal.
    int run_and_signal(const std::vector<std::string>& arguments, int signal, std::chrono::milliseconds after) const {
        const pid_t child = test::start_locus(folder_.path(), arguments);
        std::this_thread::sleep_for(after);
        ::kill(child, signal);
        int status = 0;
        ::waitpid(child, &status, 0);
        return test::exit_code(status);
    }

    /// Starts the command, sends it a signal as soon as something stands in `file`, and returns how it ended, likewise.
    int run_until_written(const std::vector<std::string>& arguments, const fs::path& file, int signal = SIGKILL) const {
        const pid_t child = test::start_locus(folder_.path(), arguments);
        int status = 0;
        std::error_code absent;
        const auto written = [&] { return fs::exists(file) && fs::file_size(file, absent) > 0 && !absent; };
        while (!written() && ::waitpid(child, &status, WNOHANG) == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ::kill(child, signal);
        ::waitpid(child, &status, 0);
        return test::exit_code(status);
    }

    void expect_same_files(const std::string& expected, const std::string& actual) const {
        int compared = 0;
        for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / expected)) {
            if (!entry.is_regular_file() || entry.path().string().find("/.locus/") != std::string::npos) continue;
            const fs::path other = folder_.path() / actual / entry.path().lexically_relative(folder_.path() / expected);
            EXPECT_EQ(test::read_text(entry.path()), test::read_text(other)) << other;
            ++compared;
        }
        EXPECT_GE(compared, 2 * pictures);
    }

    test::ScratchFolder folder_;
};

TEST_F(Resume, KilledAtTwentyRandomMomentsItEndsWithTheSameBytes) {
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(test::run_locus(folder_.path(), command("whole")).exit_code, 0);
    const auto whole = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
    std::mt19937 random(11);
    for (int attempt = 0; attempt < 20; ++attempt) {
        const std::chrono::milliseconds after(static_cast<long>(random() % static_cast<unsigned>(whole.count() + 1)));
        run_and_signal(command("killed", {"--resume"}), SIGKILL, after);
    }
    ASSERT_EQ(test::run_locus(folder_.path(), command("killed", {"--resume"})).exit_code, 0);
    expect_same_files("whole", "killed");
}

TEST_F(Resume, InterruptedItSaysHowToGoOnAndDoes) {
    ASSERT_EQ(test::run_locus(folder_.path(), command("whole")).exit_code, 0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        const std::string out = "stopped" + std::to_string(signal);
        const int ended = run_until_written(command(out, {"-j", "1"}), folder_.path() / out / ".locus/journal", signal);
        ASSERT_TRUE(ended == 130 || ended == 0) << ended;
        EXPECT_TRUE(fs::exists(folder_.path() / out / "results.json"));
        ASSERT_EQ(test::run_locus(folder_.path(), command(out, {"--resume"})).exit_code, 0);
        expect_same_files("whole", out);
    }
}

TEST_F(Resume, FilesThatAreGoneAreMadeAgain) {
    ASSERT_EQ(test::run_locus(folder_.path(), command("whole")).exit_code, 0);
    ASSERT_EQ(test::run_locus(folder_.path(), command("thinned")).exit_code, 0);
    for (const char* file : {"maps/photo3.npy", "overlays/photo17.jpg", "overlays/photo18.jpg"})
        ASSERT_TRUE(fs::remove(folder_.path() / "thinned" / file)) << file;
    fs::resize_file(folder_.path() / "thinned/maps/photo5.npy", 10);  // as after a power failure
    fs::resize_file(folder_.path() / "thinned/overlays/photo7.jpg", 0);
    const auto again = test::run_locus(folder_.path(), {"explain", "-m", "model.onnx", "photos", "-o", "thinned", "-M",
                                                        "hires-cam", "-b", "2", "--resume"});
    EXPECT_EQ(again.exit_code, 0);
    EXPECT_THAT(again.err, HasSubstr("66 explained (61 by an earlier run)"));
    expect_same_files("whole", "thinned");

    run_until_written(command("stopped", {"-j", "1"}), folder_.path() / "stopped/overlays/photo1.jpg");
    fs::remove_all(folder_.path() / "stopped/overlays");
    ASSERT_EQ(test::run_locus(folder_.path(), command("stopped", {"--resume"})).exit_code, 0);
    expect_same_files("whole", "stopped");
}

TEST_F(Resume, WithItsFolderTakenAwayTheRunFails) {
    const auto ended_without = [&](const std::string& out, const char* removed) {
        const pid_t child = test::start_locus(folder_.path(), command(out, {"-j", "1"}));
        int status = 0;
        while (!fs::exists(folder_.path() / out / "overlays/photo1.jpg") && ::waitpid(child, &status, WNOHANG) == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        ::kill(child, SIGSTOP);  // else a picture may come in while the folder is emptied
        ::waitpid(child, &status, WUNTRACED);
        fs::remove_all(folder_.path() / out / removed);
        ::kill(child, SIGCONT);
        ::waitpid(child, &status, 0);
        return test::exit_code(status);
    };
    EXPECT_EQ(ended_without("out", ""), 1);
    EXPECT_FALSE(fs::exists(folder_.path() / "out/results.json"));
    EXPECT_EQ(ended_without("thinned", "overlays"), 1);
    ASSERT_EQ(test::run_locus(folder_.path(), command("whole")).exit_code, 0);
    ASSERT_EQ(test::run_locus(folder_.path(), command("thinned", {"--resume"})).exit_code, 0);
    expect_same_files("whole", "thinned");
}

TEST_F(Resume, AMethodOfManyPassesIsStoppedBetweenThem) {
    for (const char* method : {"rise", "smooth-grad"}) {  // some hours of passes for one photo
        const std::vector<std::string> arguments{
            "explain",           "-m",    "model.onnx",       "photos/photo1.jpg", "-o", method, "-q", "-M",
            std::string(method), "--set", "samples=100000000"};
        EXPECT_EQ(run_until_written(arguments, folder_.path() / method / ".locus/journal", SIGINT), 130);
        EXPECT_THAT(test::read_text(folder_.path() / method / "results.json"), HasSubstr("\"unfinished\""));
    }
    EXPECT_EQ(test::run_locus(folder_.path(), command("rise", {"--resume"})).exit_code, 2) << "its journal is there";
}

TEST_F(Resume, SignalsThatTheCallerIgnoresStayIgnored) {
    const auto before = std::signal(SIGHUP, SIG_IGN);  // as nohup has it
    const int ended = run_until_written(command("out", {"-j", "1"}), folder_.path() / "out/.locus/journal", SIGHUP);
    std::signal(SIGHUP, before);
    EXPECT_EQ(ended, 0);
}

TEST_F(Resume, WhatARunWroteAmongThePhotosIsNoInput) {
    ASSERT_EQ(test::run_locus(folder_.path(), command("whole")).exit_code, 0);
    run_until_written(command("photos/out", {"-j", "1"}), folder_.path() / "photos/out/.locus/journal");
    const auto resumed = test::run_locus(folder_.path(), command("photos/out", {"--resume"}));
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    expect_same_files("whole", "photos/out");
    const auto again = test::run_locus(folder_.path(), command("photos/out"));
    ASSERT_EQ(again.exit_code, 0) << again.err;
    expect_same_files("whole", "photos/out");
    // Another run's overlays are none either; a folder of that name that no run wrote is walked.
    fs::create_directories(folder_.path() / "photos/maps");
    fs::rename(folder_.path() / "photos/photo0.jpg", folder_.path() / "photos/maps/photo0.jpg");
    ASSERT_EQ(test::run_locus(folder_.path(), command("elsewhere")).exit_code, 0);
    std::set<std::string> explained;
    for (const auto& entry : fs::recursive_directory_iterator(folder_.path() / "elsewhere/overlays"))
        if (entry.is_regular_file()) explained.insert(entry.path().lexically_relative(folder_.path()).string());
    EXPECT_EQ(explained.size(), pictures);
    EXPECT_TRUE(explained.contains("elsewhere/overlays/maps/photo0.jpg"));
}

TEST_F(Resume, OtherOptionsAreRefusedByName) {
    run_until_written(command("out", {"-j", "1"}), folder_.path() / "out/.locus/journal");
    const auto outcome = test::run_locus(folder_.path(), command("out", {"--resume", "--threshold", "0.5"}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--threshold"));
    test::write_text(folder_.path() / "labels.txt", "a\nb\nc\nd\ne\nf\n");
    EXPECT_THAT(test::run_locus(folder_.path(), command("out", {"--resume", "--labels", "labels.txt"})).err,
                HasSubstr("--labels"));
    EXPECT_THAT(test::run_locus(folder_.path(), command("out", {"--resume", "--range", "255"})).err,
                HasSubstr("--range"));
}

TEST_F(Resume, AnotherLayoutIsRefusedByName) {
    // Three channels of 3 x 3 pixels: both layouts fit the network. Pixels are explained, as no layer has the positions
    // of an image whose columns are the network's channels.
    model::save(model::build({.name = "tiny", .classes = 6, .width = 0.25, .image_size = 3}),
                folder_.path() / "model.onnx");
    const auto of_pixels = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments = command("out", more);
        std::ranges::replace(arguments, "hires-cam", "saliency");
        return arguments;
    };
    run_until_written(of_pixels({"-j", "1"}), folder_.path() / "out/.locus/journal");
    const auto outcome = test::run_locus(folder_.path(), of_pixels({"--resume", "--layout", "nhwc"}));
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("--layout"));
}

}  // namespace
}  // namespace locus
