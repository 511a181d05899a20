#pragma once

#include <string>

#include "model/graph.hpp"

namespace locus::model {

/// The first floating-point initializer that holds NaN or infinity; "" where all are finite.
std::string find_non_finite(const Graph& graph);

}  // namespace locus::model
