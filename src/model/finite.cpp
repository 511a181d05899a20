#include "model/finite.hpp"

#include <algorithm>
#include <cmath>

namespace locus::model {

std::string find_non_finite(const Graph& graph) {
    for (const auto& [name, tensor] : graph.initializers) {
        const bool floating = tensor.type() == DataType::float32 || tensor.type() == DataType::float64 ||
                              tensor.type() == DataType::float16 || tensor.type() == DataType::bfloat16;
        if (!floating) continue;
        const Tensor floats = tensor.to_float32();
        const auto values = floats.values<float>();
        if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return name;
    }
    return {};
}

}  // namespace locus::model
