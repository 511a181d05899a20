#pragma once

/// From what a method computed to the map that people see, and that metrics measure.

#include <cstddef>

#include "explain/method.hpp"
#include "locus/map.hpp"

namespace locus::evaluate {

/// The map of the first class of an item, turned upright where the method's formula turned it over
/// (`Attribution::signs`).
Map upright_map(const explain::Attribution& attribution, std::size_t item);

/// The evidence: the map's own minimum, or 0, and all below it are 0, by the method's rule. So is what is not a number.
Map evidence_of(const Map& upright, explain::FinalMap rule);

/// The same with 1 as its greatest value, unless there is no evidence.
Map shown_map(const Map& upright, explain::FinalMap rule);

}  // namespace locus::evaluate
