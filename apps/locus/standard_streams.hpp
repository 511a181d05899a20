#pragma once

/// Standard input, output and error, which whoever starts the command may have closed or filled.

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/core.h>

namespace locus::command {

/// To be called first. Gives those of the three that are closed a place of their own: a file opened later would get
/// their number, and what is said would be written into it. What is written to them is refused as before.
void reserve_standard_streams();

/// Says something on standard error. Where it cannot be written it is lost; the job goes on.
template <class... T> void say(fmt::format_string<T...> format, T&&... values) {
    std::fputs(fmt::format(format, std::forward<T>(values)...).c_str(), stderr);
}

}  // namespace locus::command
