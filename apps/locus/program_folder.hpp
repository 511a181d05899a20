#pragma once

#include <filesystem>

namespace locus::command {

/// The folder that this executable lies in: PREFIX/bin, or a build folder. What belongs to it is found from there.
std::filesystem::path program_folder();

}  // namespace locus::command
