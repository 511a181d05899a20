// Under mpirun: 60 units, the first slow, and no more than four begun since the oldest that is not finished; then the
// same with ranks that refuse the work, which rank 0 hears as what it was.

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "cluster/cluster.hpp"
#include "locus/error.hpp"

namespace {

using namespace locus;

constexpr std::size_t count = 60, ahead = 4;

std::string work(const cluster::Unit& unit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(unit[0] == 0 ? 400 : 1));
    return {};
}

std::string refuse(const cluster::Unit&) { throw Error(ErrorKind::usage, "no such class"); }

std::string linger(const cluster::Unit&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return {};
}

/// Whether the refusal of another rank comes as an error of its kind, with the rank's number.
bool refusal_is_told(const cluster::Cluster& cluster, const std::vector<cluster::Unit>& units) {
    try {
        cluster.deal(units, linger, 2, nullptr, [](const cluster::Unit&, const std::string&) {});
    } catch (const Error& error) {
        std::printf("%s\n", error.what());
        const std::string sentence = error.what();
        return error.kind() == ErrorKind::usage &&
               (sentence == "rank 1: no such class" || sentence == "rank 2: no such class");
    }
    return false;
}

}  // namespace

int main() {
    const cluster::Cluster cluster = cluster::Cluster::join();
    cluster.agree(nullptr);
    if (cluster.rank() > 0) {
        cluster.work(work, 2);
        cluster.work(refuse, 2);
        return 0;
    }
    std::vector<cluster::Unit> units;
    for (std::size_t i = 0; i < count; ++i) units.push_back({i});
    std::size_t taken = 0, before_first = count;
    try {
        cluster.deal(
            units, work, 2, nullptr,
            [&](const cluster::Unit& unit, const std::string&) {
                if (unit[0] == 0) before_first = taken;
                ++taken;
            },
            ahead);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    std::printf("%d ranks: %zu units, %zu of them before the first\n", cluster.size(), taken, before_first);
    // The other ranks wait for this one's second round of work whatever came of the first.
    const bool is_told = refusal_is_told(cluster, units);
    return cluster.size() == 3 && taken == count && before_first < ahead && is_told ? 0 : 1;
}
