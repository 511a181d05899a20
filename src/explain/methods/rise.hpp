#pragma once

/// RISE (Petsiuk et al. 2018): sum over random masks m of p_c(x * m) m, divided by their number times 0.5. A mask is 8
/// x 8 cells, each open with probability 0.5, upsampled bilinearly to slightly more than the input and shifted at
/// random. Masks multiply the pixels. 4,000 masks unless `samples` says otherwise.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_rise(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
