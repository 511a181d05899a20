#include "evaluate/metrics/thresholds.hpp"

#include <cmath>

#include <fmt/core.h>

#include "locus/error.hpp"

namespace locus::evaluate {

std::vector<double> thresholds(double step) {
    if (!(step >= 1e-5 && step <= 1)) {
        throw Error(ErrorKind::usage, fmt::format("the step of the thresholds is {}: it must be 0.00001 to 1", step));
    }
    std::vector<double> list(static_cast<std::size_t>(std::ceil(1 / step)));
    for (std::size_t i = 0; i < list.size(); ++i) list[i] = static_cast<double>(i) * step;
    return list;
}

}  // namespace locus::evaluate
