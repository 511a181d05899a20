#include "evaluate/random_weights.hpp"

#include <utility>

#include "evaluate/random.hpp"

namespace locus::evaluate {

void randomise_weights(model::Graph& graph, std::uint64_t seed) {
    std::uint64_t number = 0;
    for (auto& [name, tensor] : graph.initializers) {
        ++number;
        if (tensor.type() != DataType::float32 || tensor.rank() < 2) continue;
        Random random(seed_of(seed, number));
        const auto values = tensor.mutable_values<float>();
        for (std::size_t i = values.size(); i > 1; --i) {
            std::swap(values[i - 1], values[random.below(static_cast<std::uint32_t>(i))]);
        }
    }
}

}  // namespace locus::evaluate
