#pragma once

/// A random part of a data set, in the data set's order.

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "evaluate/random.hpp"

namespace locus::evaluate {

/// `count` of the numbers 0 ... total - 1, ascending; all of them where count is 0 or not less than total. Depends on
/// the seed alone.
inline std::vector<std::size_t> random_subset(std::size_t total, std::size_t count, std::uint64_t seed) {
    std::vector<std::size_t> numbers(total);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    if (count == 0 || count >= total) return numbers;
    Random random(seed_of(seed, 0x5B5E7));     // a stream apart from the bootstrap's
    for (std::size_t i = 0; i < count; ++i) {  // Fisher and Yates, as far as needed
        std::swap(numbers[i], numbers[i + random.below(static_cast<std::uint32_t>(total - i))]);
    }
    numbers.resize(count);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

}  // namespace locus::evaluate
