#pragma once

/// The network that is used where no -m is given.

#include <filesystem>
#include <string>

namespace locus::command {

/// models/*.onnx beside the command: in the source tree or under PREFIX/share/locus. Throws Error(usage) where there is none.
std::filesystem::path default_model();

/// Help text of -m: names the default where there is one.
std::string default_model_help();

}  // namespace locus::command
