#pragma once

/// Uniform noise in 0..1 at the target layer's resolution: the baseline that every table of methods needs. Depends on
/// the seed, the image's scores and the class, so that the same image gives the same map.

#include "explain/method.hpp"

namespace locus::explain {

Prepared prepare_random(const Network& network, const MethodOptions& options);

}  // namespace locus::explain
