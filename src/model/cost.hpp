#pragma once

/// What a network costs: numbers stored and multiplications done.

#include <cstdint>
#include <string>
#include <unordered_set>

#include "model/graph.hpp"
#include "model/shapes.hpp"

namespace locus::model {

struct Cost {
    std::int64_t parameters =
        0;  ///< elements of the constants that nodes compute with, each counted once; integers of shape arithmetic are not
    std::int64_t multiply_adds = 0;  ///< of convolutions and matrix products, for one item
};

/// Of all nodes, or of those whose output is in `only`.
Cost cost(const Graph& graph, const Shapes& shapes, const std::unordered_set<std::string>* only = nullptr);

}  // namespace locus::model
