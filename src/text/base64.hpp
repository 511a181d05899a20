#pragma once

/// Base64 (RFC 4648, with padding), for what the report's page embeds.

#include <cstddef>
#include <span>
#include <string>

namespace locus::text {

std::string base64(std::span<const std::byte> bytes);

}  // namespace locus::text
