#include "train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>

#include "locus/error.hpp"

namespace locus::train {

double Schedule::learning_rate(double progress) const {
    progress = std::clamp(progress, 0.0, 1.0);
    if (progress < warm_up) return peak * (0.04 + 0.96 * progress / warm_up);
    const double rest = warm_up < 1 ? (progress - warm_up) / (1 - warm_up) : 1;
    switch (shape) {
        case Shape::one_cycle:
            return peak * (1 - rest);
        case Shape::cosine:
            return peak * 0.5 * (1 + std::cos(3.14159265358979323846 * rest));
        case Shape::constant:
            break;
    }
    return peak;
}

int SizeSchedule::size(double progress) const {
    int size = steps.front().size;
    for (const SizeStep& step : steps) {
        if (progress >= step.from - 1e-9) size = step.size;
    }
    return size;
}

SizeSchedule SizeSchedule::parse(const std::string& text) {
    SizeSchedule schedule;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        SizeStep step;
        char at = 0, rest = 0;
        std::istringstream in(part);
        const bool plain = part.find('@') == std::string::npos;
        const bool good = plain ? static_cast<bool>(in >> step.size)
                                : static_cast<bool>(in >> step.size >> at >> step.from) && at == '@';
        const double before = schedule.steps.empty() ? 0 : schedule.steps.back().from;
        if (!good || in >> rest || step.size < 1 || step.size > 4096 || step.from < before || step.from > 1) {
            throw Error(ErrorKind::usage,
                        fmt::format("'{}' is no schedule of sizes; it is a size, or sizes and the share of "
                                    "training from which on they hold, as in 48@0,64@0.7",
                                    text));
        }
        schedule.steps.push_back(step);
    }
    if (schedule.steps.empty() || schedule.steps[0].from != 0) {
        throw Error(ErrorKind::usage, fmt::format("'{}' is no schedule of sizes: the first must begin at 0", text));
    }
    return schedule;
}

}  // namespace locus::train
