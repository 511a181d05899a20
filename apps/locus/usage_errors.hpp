#pragma once

/// What is said of a command line that cannot be, in `locus` and in `locus-train` alike.

#include <CLI/CLI.hpp>

#include <string>

namespace locus::command {

/// The sentence for what CLI11 threw while it read the arguments of `command`, which people call `name` ("locus
/// export"): an option that there is not comes with the one that was meant, one given twice with what to do.
std::string usage_sentence(const CLI::App& command, const std::string& name, const CLI::ParseError& error);

/// An empty value is a variable that a script forgot to set: it is not taken for an option that was not given.
void refuse_empty_values(CLI::App& command);

}  // namespace locus::command
