#include "localize/threshold.hpp"

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::localize {

void require_threshold(double threshold) {
    if (threshold >= 0 && threshold < 1) return;
    throw Error(ErrorKind::usage,
                fmt::format("a threshold of {} is not possible: it is a share of the map's maximum, from 0 to below 1",
                            threshold));
}

}  // namespace locus::localize
