#pragma once

/// Timing two things against each other in one run, so that a ratio means something on a machine whose clock and load
/// drift.
///
///     Interleaved timing = interleave({[&] { bare(); }, [&] { cam(); }}, std::chrono::seconds(10));
///     timing.median[1] / timing.median[0];

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <limits>
#include <thread>
#include <vector>

namespace locus::bench {

struct Interleaved {
    /// Seconds a call, one a candidate: median over rounds of the mean of a round's two calls.
    std::vector<double> median;
    std::vector<double> ratio;  ///< median over rounds of the candidate's time over the first one's in the same round
    /// The same of the process's own processor time, all threads together: what other programs on the machine take does
    /// not count.
    std::vector<double> core_median, core_ratio;
    /// The fastest call over the first candidate's fastest: what is left when other programs take turns on the machine,
    /// given enough rounds.
    std::vector<double> least_ratio;
    int rounds = 0;
};

inline double process_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Calls the candidates in turn, there and back (a b b a), until the time is over, at least four rounds; the first
/// round warms up and does not count. A call is slower after another candidate's, whose tensors fill the caches, than
/// after its own: there and back, each has as many of either, and a round's ratio is of the sums of both calls.
inline Interleaved interleave(const std::vector<std::function<void()>>& candidates,
                              std::chrono::duration<double> time) {
    using clock = std::chrono::steady_clock;
    const std::size_t n = candidates.size();
    std::vector<std::vector<double>> seconds(n), ratios(n), core(n), core_ratios(n);
    const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(time);
    std::vector<double> leasts(n, std::numeric_limits<double>::infinity());
    int round = 0;
    for (; round < 5 || clock::now() < end; ++round) {
        std::vector<double> sum(n), core_sum(n), least(n, std::numeric_limits<double>::infinity());
        for (std::size_t k = 0; k < 2 * n; ++k) {
            const std::size_t i = k < n ? k : 2 * n - 1 - k;
            // The threads of the last call's session spin for a while, on the cores that this call wants. Waited for at
            // work: a thread that slept may wake on the core of the worker that it then waits for, and both take three
            // times as long.
            for (const auto until = clock::now() + std::chrono::milliseconds(5); clock::now() < until;) {
            }
            const double core_start = process_seconds();
            const auto start = clock::now();
            candidates[i]();
            const double took = std::chrono::duration<double>(clock::now() - start).count();
            sum[i] += took;
            least[i] = std::min(least[i], took);
            core_sum[i] += process_seconds() - core_start;
        }
        if (round == 0) continue;
        for (std::size_t i = 0; i < n; ++i) {
            seconds[i].push_back(sum[i] / 2);
            ratios[i].push_back(sum[i] / sum[0]);
            core[i].push_back(core_sum[i] / 2);
            core_ratios[i].push_back(core_sum[i] / core_sum[0]);
            leasts[i] = std::min(leasts[i], least[i]);
        }
    }
    Interleaved result;
    result.rounds = round - 1;
    for (std::size_t i = 0; i < n; ++i) {
        result.median.push_back(median(seconds[i]));
        result.ratio.push_back(median(ratios[i]));
        result.least_ratio.push_back(leasts[i] / leasts[0]);
        result.core_median.push_back(median(core[i]));
        result.core_ratio.push_back(median(core_ratios[i]));
    }
    return result;
}

}  // namespace locus::bench
