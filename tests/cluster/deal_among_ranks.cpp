// Under mpirun: 60 units, the first slow, and no more than four begun since the oldest that is not finished.

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "cluster/cluster.hpp"

namespace {

using namespace locus;

constexpr std::size_t count = 60, ahead = 4;

std::string work(const cluster::Unit& unit) {
    std::this_thread::sleep_for(std::chrono::milliseconds(unit[0] == 0 ? 400 : 1));
    return {};
}

}  // namespace

int main() {
    const cluster::Cluster cluster = cluster::Cluster::join();
    cluster.agree(nullptr);
    if (cluster.rank() > 0) {
        cluster.work(work, 2);
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
    return cluster.size() == 3 && taken == count && before_first == ahead - 1 ? 0 : 1;
}
