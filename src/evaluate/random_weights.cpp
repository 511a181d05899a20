#include "evaluate/random_weights.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "evaluate/random.hpp"

namespace locus::evaluate {
namespace {

bool is_weight(const Tensor& tensor) {
    const bool number = tensor.type() == DataType::float32 || tensor.type() == DataType::float16 ||
                        tensor.type() == DataType::int8 || tensor.type() == DataType::uint8;
    return number && tensor.rank() >= 2 && tensor.size() > 1;
}

void shuffle(Tensor& tensor, std::uint64_t seed) {
    Random random(seed);
    const auto bytes = tensor.mutable_bytes();
    const auto count = static_cast<std::size_t>(tensor.size()), size = bytes.size() / count;
    std::array<std::byte, 8> kept{};
    for (std::size_t i = count; i > 1; --i) {
        std::byte *one = bytes.data() + (i - 1) * size,
                  *other = bytes.data() + random.below(static_cast<std::uint32_t>(i)) * size;
        std::memcpy(kept.data(), one, size);
        std::memmove(one, other, size);
        std::memcpy(other, kept.data(), size);
    }
}

}  // namespace

void randomise_weights(model::Graph& graph, const std::vector<std::string>& names, std::uint64_t seed) {
    for (const std::string& name : names) {
        const auto found = graph.initializers.find(name);
        if (found == graph.initializers.end()) continue;
        const auto number = static_cast<std::uint64_t>(std::distance(graph.initializers.begin(), found));
        shuffle(found->second, seed_of(seed, number + 1));
    }
}

void randomise_weights(model::Graph& graph, const std::string& input, const std::string& scores, std::uint64_t seed) {
    for (const WeightedLayer& layer : weighted_layers(graph, input, scores))
        randomise_weights(graph, layer.weights, seed);
}

std::vector<WeightedLayer> weighted_layers(const model::Graph& graph, const std::string& input,
                                           const std::string& scores) {
    const model::Index index(graph);
    const auto behind = index.descendants(input);
    const auto before = index.ancestors(scores);
    std::unordered_set<std::string> taken;
    std::vector<WeightedLayer> layers;
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
        const std::string& made = node->output(0);
        if (!behind.contains(made) || !before.contains(made)) continue;
        WeightedLayer layer{.node = node->name.empty() ? made : node->name};
        for (const std::string& tensor : node->inputs) {
            if (tensor.empty() || behind.contains(tensor)) continue;
            for (const std::string& name : index.ancestors(tensor)) {  // weights may be unpacked by the graph
                const Tensor* weight = graph.find_constant(name);
                if (weight != nullptr && is_weight(*weight) && taken.insert(name).second) layer.weights.push_back(name);
            }
        }
        std::sort(layer.weights.begin(), layer.weights.end());
        if (!layer.weights.empty()) layers.push_back(std::move(layer));
    }
    return layers;
}

}  // namespace locus::evaluate
