#pragma once

/// The thresholds at which maps are cut: t_i = i * step in double precision, below 1.

#include <vector>

namespace locus::evaluate {

/// ceil(1 / step) of them, as numpy.arange(0, 1, step) gives. Throws Error(usage) for a step outside [1e-5, 1].
std::vector<double> thresholds(double step);

}  // namespace locus::evaluate
