#pragma once

/// Files that a command wrote before are replaced when it runs again; what others have made is not, unless asked for.

#include <filesystem>
#include <functional>

#include "model/graph.hpp"

namespace locus::command {

/// Whether a file is a model of which this holds.
bool holds_model(const std::filesystem::path& file, const std::function<bool(const model::Model&)>& is_such);

/// Throws Error(usage) where a file is there that holds no such model; `what` says what it is not: "a network that
/// `locus build` made".
void require_earlier_output(const std::filesystem::path& file, const char* what,
                            const std::function<bool(const model::Model&)>& is_such);

}  // namespace locus::command
