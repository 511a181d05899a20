#pragma once

/// A progress line with rate and estimate: redrawn on a terminal, a plain line now and then when piped.

#include <chrono>
#include <cstddef>
#include <string>

namespace locus::command {

class Progress {
public:
    /// `what` is what is counted: "images". Silent where `quiet`.
    Progress(std::string what, bool quiet);

    /// Shows that `done` of `total` are done; cheap to call often.
    void show(std::size_t done, std::size_t total);

    /// Clears the line, so that something else can be printed. No effect when piped.
    void clear();

private:
    std::string what_;
    bool quiet_;
    bool terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point start_, last_;
    std::size_t first_done_ = 0;
    bool started_ = false;
};

/// "2 h 5 min", "3 min 20 s", "12 s".
std::string duration(double seconds);

}  // namespace locus::command
