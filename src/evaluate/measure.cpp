#include "evaluate/measure.hpp"

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

namespace locus::evaluate {

bool measure_all(Journal& journal, std::size_t images,
                 const std::function<std::vector<ImageRecord>(const std::vector<std::size_t>& indices)>& measure,
                 const MeasureOptions& options) {
    std::vector<std::vector<std::size_t>> units;
    for (std::size_t i = 0; i < images; ++i) {
        if (journal.has(i)) continue;
        if (units.empty() || units.back().size() == std::max<std::size_t>(options.unit, 1)) units.emplace_back();
        units.back().push_back(i);
    }
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr failure;
    std::mutex mutex;
    const auto run = [&] {
        while (!failed && !(options.stop != nullptr && *options.stop)) {
            const std::size_t unit = next++;
            if (unit >= units.size()) return;
            try {
                std::vector<ImageRecord> records = measure(units[unit]);
                const std::lock_guard lock(mutex);
                for (ImageRecord& record : records) journal.add(std::move(record));
                if (options.progress) options.progress(journal.count(), images);
            } catch (...) {
                const std::lock_guard lock(mutex);
                if (!failure) failure = std::current_exception();
                failed = true;
            }
        }
    };
    {
        std::vector<std::jthread> others;
        for (int t = 1; t < options.threads; ++t) others.emplace_back(run);
        run();
    }
    if (failure) std::rethrow_exception(failure);
    return journal.count() == images;
}

}  // namespace locus::evaluate
