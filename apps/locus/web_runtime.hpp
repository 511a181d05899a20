#pragma once

#include <filesystem>

namespace locus::command {

/// The folder with ONNX Runtime Web's files: the one given, else the first of
///
///     PREFIX/share/locus/onnxruntime-web/     beside an installed command
///     third_party/npm/node_modules/…          beside a build in the repository (scripts/setup.sh test)
///     node_modules/onnxruntime-web/dist/      in the current folder
///
/// that has all of them. Throws Error(usage) that says how to get them.
std::filesystem::path find_web_runtime(const std::filesystem::path& given);

}  // namespace locus::command
