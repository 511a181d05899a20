#include "model/finite.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include <fmt/format.h>

#include "locus/error.hpp"
#include "text/quote.hpp"
#include "vectorised.hpp"

namespace locus::model {
namespace {

/// No early end: so the loop runs at the speed of memory.
LOCUS_VECTORISED std::uint32_t count_nans(const float* values, std::size_t count) {
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < count; ++i) found += values[i] != values[i] ? 1 : 0;
    return found;
}

/// Name of the first floating-point initializer whose values are `bad`; "" where none are.
template <class Bad> std::string first_that_is(const Graph& graph, const Bad& bad) {
    for (const auto& [name, tensor] : graph.initializers) {
        if (!is_floating(tensor.type())) continue;
        const Tensor floats = tensor.to_float32();
        if (bad(floats.values<float>())) return name;
    }
    return {};
}

bool all_finite(std::span<const float> values) {
    return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

/// Where in a tensor its element of this number lies.
Shape place_of(std::int64_t element, const Shape& shape) {
    Shape place(shape.size());
    for (std::size_t i = shape.size(); i-- > 0;) {
        place[i] = element % shape[i];
        element /= shape[i];
    }
    return place;
}

}  // namespace

std::string find_non_finite(const Graph& graph) {
    return first_that_is(graph, [](std::span<const float> values) { return !all_finite(values); });
}

bool is_finite(const Tensor& value) {
    if (!is_floating(value.type())) return true;
    const Tensor floats = value.to_float32();
    return all_finite(floats.values<float>());
}

void require_numbers(const Tensor& value, const std::string& source) {
    if (!is_floating(value.type())) return;
    const Tensor floats = value.to_float32();
    const auto values = floats.values<float>();
    if (count_nans(values.data(), values.size()) == 0) return;
    const auto nan = std::find_if(values.begin(), values.end(), [](float number) { return std::isnan(number); });
    throw Error(ErrorKind::usage,
                fmt::format("{} holds NaN at {}", source, to_string(place_of(nan - values.begin(), value.shape()))));
}

void require_numbers(const Graph& graph, const std::filesystem::path& file) {
    const std::string weight = first_that_is(graph, [](std::span<const float> values) {
        return values.size() > 1 && count_nans(values.data(), values.size()) > 0;
    });
    if (!weight.empty())
        throw Error(ErrorKind::model,
                    fmt::format("{} cannot be used: its weight {} holds NaN", file.string(), text::quote(weight)));
}

}  // namespace locus::model
