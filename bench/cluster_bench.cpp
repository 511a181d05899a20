/// How many units of work rank 0 can hand out and take back in a second: the work is nothing, what comes back is a
/// record's worth of text that is appended to a file, as the journal does.
///
///     mpirun -n 8 cluster_bench [UNITS] [IMAGES_A_UNIT]        (default 40000 units of 4 images)

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "cluster/cluster.hpp"
#include "cluster/message.hpp"

int main(int argc, char** argv) {
    using namespace locus::cluster;
    const std::size_t count = argc > 1 ? std::stoul(argv[1]) : 40000;
    const std::size_t images = argc > 2 ? std::stoul(argv[2]) : 4;
    constexpr std::size_t record = 1500;  // bytes: cam and four baselines under MaxBoxAccV2
    const Cluster cluster = Cluster::join();
    const Work work = [&](const Unit& unit) {
        return pack(std::vector<std::string>(unit.size(), std::string(record, 'x')));
    };
    if (cluster.rank() > 0) {
        cluster.work(work, 1);
        return 0;
    }
    std::vector<Unit> units(count, Unit(images));
    const auto file = std::filesystem::temp_directory_path() / "locus-cluster-bench";
    std::ofstream journal(file);
    const auto start = std::chrono::steady_clock::now();
    cluster.deal(units, work, 1, nullptr, [&](const Unit&, const std::string& text) {
        for (const std::string& line : unpack(text)) journal << line << '\n' << std::flush;
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::filesystem::remove(file);
    fmt::print("{} ranks: {} units of {} images in {:.2f} s: {:.0f} units, {:.0f} images a second\n", cluster.size(),
               count, images, seconds, static_cast<double>(count) / seconds,
               static_cast<double>(count * images) / seconds);
    return 0;
}
