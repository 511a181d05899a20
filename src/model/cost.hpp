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
    std::int64_t multiply_adds = 0;  ///< of convolutions and matrix products, those of integers too, for one item
};

/// Of all nodes, or of those of which an output is in `only`. The shapes are those of a pass over `items` items; a
/// dimension that follows the batch counts once. What subgraphs (If, Loop, Scan) hold themselves is not seen; what they
/// read of the graph round them is.
Cost cost(const Graph& graph, const Shapes& shapes, std::int64_t items = 1,
          const std::unordered_set<std::string>* only = nullptr);

}  // namespace locus::model
