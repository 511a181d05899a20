#pragma once

/// Timing two things against each other in one run, so that a ratio means something on a machine whose clock and load drift.
///
///     Interleaved timing = interleave({[&] { bare(); }, [&] { cam(); }}, std::chrono::seconds(10));
///     timing.median[1] / timing.median[0];

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <vector>

namespace locus::bench {

struct Interleaved {
    std::vector<double> median;  ///< seconds a call, one a candidate
    std::vector<double> ratio;   ///< median over rounds of the candidate's time over the first one's in the same round
    /// The same of the process's own processor time, all threads together: what other programs on the machine take does not count.
    std::vector<double> core_median, core_ratio;
    /// The fastest call over the first candidate's fastest: what is left when other programs take turns on the machine, given enough rounds.
    std::vector<double> least_ratio;
    int rounds = 0;
};

inline double process_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Calls the candidates in turn until the time is over, at least seven rounds; the first round warms up and does not count. The order turns
/// round every round, so that none always runs on the other's warm cache.
inline Interleaved interleave(const std::vector<std::function<void()>>& candidates,
                              std::chrono::duration<double> time) {
    using clock = std::chrono::steady_clock;
    const std::size_t n = candidates.size();
    std::vector<std::vector<double>> seconds(n), ratios(n), core(n), core_ratios(n);
    const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(time);
    int round = 0;
    for (; round < 8 || clock::now() < end; ++round) {
        std::vector<double> now(n), core_now(n);
        for (std::size_t k = 0; k < n; ++k) {
            const std::size_t i = round % 2 == 0 ? k : n - 1 - k;
            const double core_start = process_seconds();
            const auto start = clock::now();
            candidates[i]();
            now[i] = std::chrono::duration<double>(clock::now() - start).count();
            core_now[i] = process_seconds() - core_start;
        }
        if (round == 0) continue;
        for (std::size_t i = 0; i < n; ++i) {
            seconds[i].push_back(now[i]);
            ratios[i].push_back(now[i] / now[0]);
            core[i].push_back(core_now[i]);
            core_ratios[i].push_back(core_now[i] / core_now[0]);
        }
    }
    Interleaved result;
    result.rounds = round - 1;
    for (std::size_t i = 0; i < n; ++i) {
        result.median.push_back(median(seconds[i]));
        result.ratio.push_back(median(ratios[i]));
        result.least_ratio.push_back(*std::min_element(seconds[i].begin(), seconds[i].end()) /
                                     *std::min_element(seconds[0].begin(), seconds[0].end()));
        result.core_median.push_back(median(core[i]));
        result.core_ratio.push_back(median(core_ratios[i]));
    }
    return result;
}

}  // namespace locus::bench
