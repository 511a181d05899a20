#include "evaluate/measure.hpp"

#include <algorithm>
#include <utility>

#include "cluster/message.hpp"
#include "locus/error.hpp"

namespace locus::evaluate {
namespace {

/// The records as lines of the journal: written where they are measured, and read back only when the tables are made.
cluster::Work lines_of(const Measure& measure) {
    return [&measure](const cluster::Unit& unit) {
        std::vector<std::string> lines;
        try {
            for (const ImageRecord& record : measure(unit)) lines.push_back(to_json(record));
        } catch (const Stopped&) {
            lines.clear();
        }
        return cluster::pack(lines);
    };
}

}  // namespace

bool measure_all(Journal& journal, std::size_t images, const Measure& measure, const cluster::Cluster& cluster,
                 const MeasureOptions& options) {
    std::vector<cluster::Unit> units;
    for (std::size_t i = 0; i < images; ++i) {
        if (journal.has(i)) continue;
        if (units.empty() || units.back().size() == std::max<std::size_t>(options.unit, 1)) units.emplace_back();
        units.back().push_back(i);
    }
    cluster.deal(units, lines_of(measure), options.threads, options.stop,
                 [&](const cluster::Unit& unit, const std::string& text) {
                     const std::vector<std::string> lines = cluster::unpack(text);
                     if (lines.empty()) return;  // stopped: --resume measures them
                     for (std::size_t i = 0; i < unit.size(); ++i) journal.add(unit[i], lines.at(i));
                     if (options.progress) options.progress(journal.count(), images);
                 });
    return journal.count() == images;
}

void help_measure(const Measure& measure, const cluster::Cluster& cluster, int threads) {
    cluster.work(lines_of(measure), threads);
}

}  // namespace locus::evaluate
