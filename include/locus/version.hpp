#pragma once

namespace locus {

/// Version of the library, as "0.1.0".
extern const char* const version;

}  // namespace locus
