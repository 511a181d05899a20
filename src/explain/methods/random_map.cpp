#include "explain/methods/random_map.hpp"

#include <bit>
#include <memory>
#include <random>

#include "explain/class_pass.hpp"
#include "explain/input_scores.hpp"
#include "explain/random_numbers.hpp"

namespace locus::explain {

Prepared prepare_random(const Network& network, const MethodOptions& options) {
    auto scores = std::make_shared<InputScores>(network, options, true);
    Prepared prepared;
    prepared.target_layer = scores->layer().tensor;
    prepared.classes = scores->classes();
    prepared.explain = [scores](const Tensor& inputs, const ClassSelection& classes) {
        Attribution a{.logits = scores->run_with_features(inputs).logits};
        a.class_indices = selected_classes(a.logits, classes);
        const Shape m = a.class_indices.shape();
        a.maps = Tensor(DataType::float32, {m[0], m[1], scores->layer().height, scores->layer().width});
        const auto maps = a.maps.mutable_values<float>();
        const auto indices = a.class_indices.values<std::int64_t>();
        const auto positions = static_cast<std::size_t>(scores->layer().positions()),
                   count = static_cast<std::size_t>(scores->classes());
        for (std::size_t i = 0; i < indices.size(); ++i) {
            const float first = a.logits.values<float>()[i / static_cast<std::size_t>(m[1]) * count];
            std::seed_seq mixed{static_cast<std::uint32_t>(scores->options().seed),
                                static_cast<std::uint32_t>(scores->options().seed >> 32),
                                std::bit_cast<std::uint32_t>(first), static_cast<std::uint32_t>(indices[i])};
            std::mt19937_64 random(mixed);
            for (std::size_t p = 0; p < positions; ++p) maps[i * positions + p] = static_cast<float>(uniform(random));
        }
        return a;
    };
    return prepared;
}

}  // namespace locus::explain
