#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/core.h>

#include "standard_streams.hpp"

namespace locus::command {
namespace {

constexpr std::chrono::milliseconds redraw_interval{100};
constexpr std::chrono::seconds line_interval{30};
constexpr int bar_width = 24;

}  // namespace

std::string duration(double seconds) {
    const auto whole = static_cast<long>(std::llround(seconds));
    if (whole >= 3600) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
    if (whole >= 60) return fmt::format("{} min {} s", whole / 60, whole % 60);
    return fmt::format("{} s", whole);
}

Progress::Progress(std::string what, bool quiet)
    : what_(std::move(what)), quiet_(quiet), terminal_(::isatty(STDERR_FILENO) != 0) {}

void Progress::show(std::size_t done, std::size_t total) {
    if (quiet_) return;
    const auto now = std::chrono::steady_clock::now();
    if (!started_) {
        started_ = true;
        start_ = last_ = now;
        first_done_ = done > 0 ? done - 1 : 0;
    }
    const auto interval =
        terminal_ ? std::chrono::duration_cast<std::chrono::milliseconds>(redraw_interval) : line_interval;
    if (now - last_ < interval) return;
    last_ = now;
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    const double rate = elapsed > 0 ? static_cast<double>(done - first_done_) / elapsed : 0;
    const std::string left =
        rate > 0 && done < total ? fmt::format(", {} left", duration(static_cast<double>(total - done) / rate)) : "";
    if (terminal_) {
        const int filled = total == 0 ? 0 : static_cast<int>(bar_width * done / total);
        std::string bar;
        for (int i = 0; i < bar_width; ++i) bar += i < filled ? "█" : "░";
        say("\r\x1b[2K{} {}/{} {}, {:.1f}/s{}", bar, done, total, what_, rate, left);
        std::fflush(stderr);
        drawn_ = true;
    } else {
        say("locus: {}/{} {}, {:.1f}/s{}\n", done, total, what_, rate, left);
    }
}

void Progress::clear() {
    if (!drawn_) return;
    say("\r\x1b[2K");
    std::fflush(stderr);
    drawn_ = false;
}

}  // namespace locus::command
