#pragma once

#include <string>
#include <vector>

namespace locus::command {

/// "a,b,c" as its parts; "" as none. An option that takes such a list is declared as one string: CLI11 counts the parts as arguments and
/// would swallow what stands behind them.
std::vector<std::string> split_list(const std::string& text);

}  // namespace locus::command
