#include "runtime/thread_count.hpp"

#include <algorithm>
#include <thread>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::runtime {

int bounded_threads(int asked) {
    constexpr unsigned a_core = 8;
    if (asked < 0)
        throw Error(ErrorKind::usage, fmt::format("{} threads are not possible: 0, for one a core, or more", asked));
    return std::min(asked, static_cast<int>(a_core * std::max(1U, std::thread::hardware_concurrency())));
}

}  // namespace locus::runtime
