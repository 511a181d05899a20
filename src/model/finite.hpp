#pragma once

#include <filesystem>
#include <string>

#include "model/graph.hpp"

namespace locus::model {

/// The first floating-point initializer that holds NaN or infinity; "" where all are finite.
std::string find_non_finite(const Graph& graph);

/// Throws Error(model) naming the first weight that holds NaN, of which `file` is told to be the source. Infinities are
/// left to whoever runs the model: attention masks hold them. So are single numbers: some graphs compare with NaN.
void require_numbers(const Graph& graph, const std::filesystem::path& file);

/// Throws Error(usage) where the value of an input holds NaN, with the place of the first, as in NumPy: [row, column].
/// `source` is told to hold it. Infinities are left, as above.
void require_numbers(const Tensor& value, const std::string& source);

/// True where all floating-point elements are finite, and for other types.
bool is_finite(const Tensor& value);

}  // namespace locus::model
