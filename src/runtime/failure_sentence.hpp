#pragma once

/// What ONNX Runtime says when it fails, made into one sentence of ours.

#include <string>
#include <string_view>

namespace locus::runtime {

/// Why the runtime refuses a model, from its message.
std::string load_failure(std::string_view message);

/// Why a pass failed, from the runtime's message: at which node, and what it says, without the places in its source.
std::string run_failure(std::string_view message);

/// Whether the message of a failed pass says that memory ran out.
bool is_memory_shortage(std::string_view message);

}  // namespace locus::runtime
