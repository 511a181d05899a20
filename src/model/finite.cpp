#include "model/finite.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"
#include "vectorised.hpp"

namespace locus::model {
namespace {

bool is_floating(DataType type) {
    return type == DataType::float32 || type == DataType::float64 || type == DataType::float16 ||
           type == DataType::bfloat16;
}

/// No early end: so the loop runs at the speed of memory.
LOCUS_VECTORISED std::uint32_t count_nans(const float* values, std::size_t count) {
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found += values[i] != values[i] ? 1 : 0;
    return found;
}

}  // namespace

std::string find_non_finite(const Graph& graph) {
    for (const auto& [name, tensor] : graph.initializers) {
        if (!is_floating(tensor.type())) continue;
        const Tensor floats = tensor.to_float32();
        const auto values = floats.values<float>();
        if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return name;
    }
    return {};
}

void require_numbers(const Graph& graph, const std::filesystem::path& file) {
    for (const auto& [name, tensor] : graph.initializers) {
        if (!is_floating(tensor.type()) || tensor.size() <= 1) continue;
        const Tensor floats = tensor.to_float32();
        const auto values = floats.values<float>();
        if (count_nans(values.data(), values.size()) == 0) continue;
        throw Error(ErrorKind::model,
                    fmt::format("{} cannot be used: its weight {} holds NaN", file.string(), text::quote(name)));
    }
}

}  // namespace locus::model
