#include "evaluate/measure.hpp"

#include <algorithm>
#include <utility>

namespace locus::evaluate {

bool measure_all(Journal& journal, std::size_t images, const Measure& measure, const Cluster& cluster,
                 const MeasureOptions& options) {
    std::vector<std::vector<std::size_t>> units;
    for (std::size_t i = 0; i < images; ++i) {
        if (journal.has(i)) continue;
        if (units.empty() || units.back().size() == std::max<std::size_t>(options.unit, 1)) units.emplace_back();
        units.back().push_back(i);
    }
    cluster.deal(units, measure, options.threads, options.stop, [&](std::vector<ImageRecord> records) {
        for (ImageRecord& record : records) journal.add(std::move(record));
        if (options.progress) options.progress(journal.count(), images);
    });
    return journal.count() == images;
}

}  // namespace locus::evaluate
