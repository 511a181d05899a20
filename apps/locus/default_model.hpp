#pragma once

/// The network that is used where no -m is given.

#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

namespace locus::command {

/// models/*.onnx beside the command: in the source tree or under PREFIX/share/locus. Throws Error(usage) where there is
/// none.
std::filesystem::path default_model();

/// The option ("-m,--model") or argument ("MODEL") that names a model; its help names the default where there is one.
/// An empty name is refused: "$MODEL" in a script that never set it does not mean the default.
CLI::Option* add_model_option(CLI::App& command, const std::string& name, std::string& file);

}  // namespace locus::command
