#pragma once

/// Several texts as one, for sending: each may hold any bytes.
///
///     std::string message = cluster::pack({line, caption});
///     std::vector<std::string> parts = cluster::unpack(message);

#include <string>
#include <string_view>
#include <vector>

namespace locus::cluster {

std::string pack(const std::vector<std::string>& parts);

/// Throws Error(io) where the message is none of `pack`.
std::vector<std::string> unpack(std::string_view message);

}  // namespace locus::cluster
